//! What has been unmapped is not unmapped again.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    let other = child.mmap_anonymous(4096, ProtFlags::READ)?;
    child.munmap(mapping)?;
    assert_eq!(other.length(), 4096);
    Ok(child.munmap(other)?)
}
