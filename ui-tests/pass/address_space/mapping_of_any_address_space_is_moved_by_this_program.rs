//! This program does not move what is mapped in another address space.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::brand::Namespace;

fn longer<A: Namespace>(mapping: Mapping<HostMemory>) -> Result<(), nearfar::Error> {
    let mapping = Task::here().mremap(mapping, 8192)?;
    assert_eq!(mapping.length(), 8192);
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    longer::<HostMemory>(Task::here().mmap_anonymous(4096, ProtFlags::READ)?)
}
