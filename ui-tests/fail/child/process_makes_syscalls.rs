//! A process that became a program cannot be driven.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let program = Program::new("true");
    let here = Task::here();
    let process = here.spawn()?.program(&program).exec()?;
    process.getppid()?;
    process.wait()?;
    Ok(())
}
