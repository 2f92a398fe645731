//! The groups of the calling thread would be that one thread's.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    child.setgroups(&[])?;
    drop(child);
    Ok(())
}
