//! What has been unmapped is gone.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mut mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    child.munmap(mapping)?;
    assert_eq!(mapping.bytes().to_vec(&child)?, [0; 4096]);
    Ok(())
}
