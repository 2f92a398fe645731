//! A program started from a private table cannot be given std's files.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = std::fs::File::create("/dev/null").expect("everybody can write there");
    let echo = Program::new("echo");
    brand!(private_fds);
    let (child, its_file) = here.spawn()?.unshare_files(private_fds, &file)?;
    let exec = child.program(&echo).fd(1, &its_file);
    exec.exec()?.wait()?;
    drop(its_file);
    Ok(())
}
