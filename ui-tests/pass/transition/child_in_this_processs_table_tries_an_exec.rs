//! What an exec does to the table of this process before it fails could not be undone.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let program = Program::new("true");
    let process = child.program(&program).exec()?;
    assert!(process.wait()?.success());
    Ok(())
}
