//! A number is not a right to unmap what is there.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    Ok(child.munmap(mapping)?)
}
