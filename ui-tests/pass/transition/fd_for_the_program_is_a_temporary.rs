//! An fd that a program is to get has to live until the exec.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let echo = Program::new("echo");
    let exec = here.spawn()?.program(&echo).fd(1, &writer);
    exec.exec()?.wait()?;
    Ok(())
}
