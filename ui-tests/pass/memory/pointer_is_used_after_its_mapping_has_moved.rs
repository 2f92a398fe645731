//! A mapping is not moved while a pointer into it is in use.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mut mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    let other = child.mmap_anonymous(4096, ProtFlags::READ)?;
    let number = mapping.pointer::<u32>(0).unwrap();
    assert_eq!(other.length(), 4096);
    let longer = child.mremap(other, 1 << 20)?;
    assert_eq!((number.read(&child)?, longer.length()), (0, 1 << 20));
    Ok(())
}
