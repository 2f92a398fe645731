//! Two forked children have two memories.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(first_memory, second_memory);
    let first = here.spawn_with_memory(first_memory)?;
    let second = here.spawn_with_memory(second_memory)?;
    let mut number = first.ptr(&7_u32)?;
    second.getpid()?;
    number.write(&first, &8)?;
    Ok(())
}
