//! A pointer into a mapping ends before the mapping.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let mut mapping = child.mmap_anonymous(4096, access)?;
    mapping.bytes().write_slice(&child, b"outer")?;
    let number = {
        let mut inner = child.mmap_anonymous(4096, access)?;
        inner.bytes().write_slice(&child, b"inner")?;
        mapping.pointer::<u32>(0).unwrap()
    };
    assert!(number.read(&child)? < u32::MAX);
    Ok(())
}
