//! What a process holds is a number until somebody says that it is an address.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    brand!(server_memory);
    let server = ProcessMemory::open(server_memory, &pidfd)?;
    let start = server.regions()?.next().expect("it has memory")?.mapping.address();
    let next: usize = server.read(start)?;
    let read = server.read::<u8>(server.address(next));
    println!("{read:?}");
    Ok(())
}
