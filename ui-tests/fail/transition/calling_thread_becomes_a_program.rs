//! The calling thread cannot become a program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let program = Program::new("true");
    let exec = here.program(&program);
    exec.exec()?.wait()?;
    Ok(())
}
