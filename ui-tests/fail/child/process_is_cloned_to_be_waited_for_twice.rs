//! A process has one handle.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let program = Program::new("true");
    let process = Task::here().spawn()?.program(&program).exec()?;
    process.clone().wait()?;
    Ok(())
}
