//! Pages of a forked child are not at those addresses in this program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    child.munmap(mapping)?;
    Ok(())
}
