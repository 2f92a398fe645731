//! What is in a task's memory is no reference of this program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let place = child.malloc::<usize>()?;
    println!("{place:?}");
    Ok(())
}
