//! No two pointers are to the same byte.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let mut mapping = child.mmap_anonymous(4096, access)?;
    let mut other = child.mmap_anonymous(4096, access)?;
    let mut first = mapping.pointer::<u32>(0).unwrap();
    let mut second = other.pointer::<u32>(0).unwrap();
    first.write(&child, &1)?;
    second.write(&child, &2)?;
    assert_eq!(other.bytes().len(), 4096);
    Ok(())
}
