//! Only the owner of a task can have it become a program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let borrowed = &child;
    let program = Program::new("true");
    borrowed.getpid()?;
    child.program(&program).exec()?.wait()?;
    Ok(())
}
