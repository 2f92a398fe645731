//! Pages have one owner.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mapping = child.mmap_anonymous(4096, ProtFlags::READ)?;
    let same = mapping.clone();
    assert_eq!(same.length(), 4096);
    Ok(())
}
