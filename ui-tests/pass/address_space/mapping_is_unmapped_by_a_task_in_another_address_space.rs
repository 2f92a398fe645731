//! A mapping is unmapped by a task that lives where it is.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn unmap<K: far::Task, L: far::Task>(owner: &K, other: &L) -> Result<(), nearfar::Error> {
    let mapping = owner.mmap_anonymous(4096, ProtFlags::READ)?;
    other.getpid()?;
    Ok(owner.munmap(mapping)?)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    unmap(&here, &here.spawn()?)
}
