//! A byte of a task's memory may be no variant of an enum.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

#[derive(Clone, Copy, Debug)]
#[allow(dead_code)]
enum Colour {
    Red,
    Green,
}

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let place = child.malloc::<Colour>()?;
    println!("{place:?}");
    Ok(())
}
