//! A guard names one memory.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(child_memory, other_memory);
    println!("{other_memory:?}");
    let child = here.spawn_with_memory(child_memory)?;
    let other = here.spawn_with_memory(other_memory)?;
    drop((child, other));
    Ok(())
}
