//! A task about to become a program is in the exec's hands.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let program = Program::new("true");
    let exec = child.program(&program);
    child.getpid()?;
    exec.exec()?.wait()?;
    Ok(())
}
