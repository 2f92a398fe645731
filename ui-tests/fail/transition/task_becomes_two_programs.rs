//! A task becomes one program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (child, _sibling) = (here.spawn()?, here.spawn()?);
    let program = Program::new("true");
    child.program(&program).exec()?.wait()?;
    child.program(&program).exec()?.wait()?;
    Ok(())
}
