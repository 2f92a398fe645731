//! A process can be waited for once.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let program = Program::new("true");
    let process = Task::here().spawn()?.program(&program).exec()?;
    let _other = Task::here().spawn()?.program(&program).exec()?;
    process.wait()?;
    process.wait()?;
    Ok(())
}
