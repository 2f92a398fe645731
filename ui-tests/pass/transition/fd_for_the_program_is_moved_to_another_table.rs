//! An fd that a program is to get cannot be moved away before the exec.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let echo = Program::new("echo");
    brand!(private_fds);
    let exec = here.spawn()?.program(&echo).fd(1, &writer);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    exec.exec()?.wait()?;
    drop(its_writer);
    Ok(())
}
