//! A byte of a task's memory may be no `bool`.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let place = child.malloc::<u8>()?;
    println!("{place:?}");
    Ok(())
}
