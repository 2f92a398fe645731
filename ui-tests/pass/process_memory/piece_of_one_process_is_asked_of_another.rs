//! A place in one memory is no place in another.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    brand!(server_memory, client_memory);
    let server = ProcessMemory::open(server_memory, &pidfd)?;
    let client = ProcessMemory::open(client_memory, &pidfd)?;
    let address = server.regions()?.next().expect("it has memory")?.mapping.address();
    let mut buffer = [0; 8];
    let pieces = [server.piece(address, &mut buffer)];
    println!("{pieces:?}");
    drop(client);
    Ok(())
}
