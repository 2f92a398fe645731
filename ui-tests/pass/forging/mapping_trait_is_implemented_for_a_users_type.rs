//! Only a mapping says where pages are.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::handle::AsMapping;
use nearfar::near::MemoryMapping;

struct Mine(Mapping<HostMemory>);

impl Near<HostMemory> for Mine {
    fn near_mapping(&self) -> MemoryMapping<HostMemory> {
        self.0.near()
    }
    fn space(&self) -> &far::AddressSpace<HostMemory> {
        unreachable!("nobody asks")
    }
}

trait Near<A> {
    fn near_mapping(&self) -> MemoryMapping<A>;
    fn space(&self) -> &far::AddressSpace<A>;
}

fn pages(mapping: &impl AsMapping<HostMemory>) -> usize {
    mapping.near_mapping().pages()
}

fn main() -> Result<(), nearfar::Error> {
    let mine = Mine(Task::here().mmap_anonymous(4096, ProtFlags::READ)?);
    assert_eq!(pages(&mine.0), 1);
    Ok(())
}
