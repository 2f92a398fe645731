//! A program can be given only fds of the table of the task that becomes it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let echo = Program::new("echo");
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let exec = child.program(&echo).fd(1, &writer);
    exec.exec()?.wait()?;
    drop(its_writer);
    Ok(())
}
