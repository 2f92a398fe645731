//! Four bytes of a task's memory may be no `char`.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let place = child.malloc::<u32>()?;
    println!("{place:?}");
    Ok(())
}
