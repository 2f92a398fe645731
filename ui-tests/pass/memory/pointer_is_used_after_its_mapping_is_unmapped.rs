//! A mapping is not unmapped while a pointer into it is in use.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mut mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    let other = child.mmap_anonymous(4096, ProtFlags::READ)?;
    let number = mapping.pointer::<u32>(0).unwrap();
    assert_eq!(other.length(), 4096);
    child.munmap(other)?;
    assert_eq!(number.read(&child)?, 0);
    Ok(())
}
