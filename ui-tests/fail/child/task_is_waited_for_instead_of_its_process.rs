//! A task has no `wait`: it is driven until it exits or becomes a program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.wait()?;
    Ok(())
}
