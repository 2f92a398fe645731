//! What may be done with a mapping is decided by a task that lives where it is.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn protect<K: far::Task, L: far::Task>(owner: &K, other: &L) -> Result<(), nearfar::Error> {
    let mut mapping = owner.mmap_anonymous(8192, ProtFlags::READ)?;
    other.getpid()?;
    owner.mprotect(&mut mapping.slice(4096..).unwrap(), ProtFlags::WRITE)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    protect(&here, &here.spawn()?)
}
