//! Not every byte is a bool.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    brand!(server_memory);
    let server = ProcessMemory::open(server_memory, &pidfd)?;
    let start = server.regions()?.next().expect("it has memory")?.mapping.address();
    let value = server.read::<u8>(start)? != 0;
    println!("{value:?}");
    Ok(())
}
