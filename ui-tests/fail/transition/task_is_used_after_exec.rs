//! A task that became a program makes no more calls.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let program = Program::new("true");
    let process = child.program(&program).exec()?;
    child.getpid()?;
    process.wait()?;
    Ok(())
}
