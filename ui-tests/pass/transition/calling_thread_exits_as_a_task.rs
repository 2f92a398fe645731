//! The calling thread cannot be exited as if it were a child.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let exit = here.spawn()?.exit(0)?;
    assert!(exit.success());
    Ok(())
}
