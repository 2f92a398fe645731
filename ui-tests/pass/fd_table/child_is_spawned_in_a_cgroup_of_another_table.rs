//! A cgroup is told by an fd of the table of who spawns the child.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let directory = here.openat(Cwd, "/", OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, ()) = here.spawn_with_files(private_fds, ())?;
    child.getpid()?;
    let error = here.spawn_in_cgroup(&directory).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::BADF));
    Ok(())
}
