//! A task that is still driven cannot be waited for: it would never end.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let program = Program::new("true");
    let exec = child.program(&program);
    let process = exec;
    process.wait()?;
    Ok(())
}
