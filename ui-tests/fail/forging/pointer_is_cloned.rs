//! What is allocated has one owner.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let pointer = child.ptr(&7_u32)?;
    let same = pointer.clone();
    println!("{same:?}");
    Ok(())
}
