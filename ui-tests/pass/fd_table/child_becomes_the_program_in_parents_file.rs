//! The number of a file to be executed names another file, or none, in the child's own table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.openat(Cwd, "/bin/true", OFlags::PATH, Mode::empty())?;
    brand!(private_fds);
    let (child, copy) = here.spawn_with_files(private_fds, &file)?;
    let process = child.program_at(&copy, &Program::new("true")).exec()?;
    drop((copy, file));
    assert!(process.wait()?.success());
    Ok(())
}
