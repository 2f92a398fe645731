//! What a forked child has allocated is not in this program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let number = child.ptr(&7_u32)?;
    assert_eq!(number.read(&child)?, 7);
    Ok(())
}
