//! An address means something only in the memory it was learned in.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    brand!(server_memory, client_memory);
    let server = ProcessMemory::open(server_memory, &pidfd)?;
    let client = ProcessMemory::open(client_memory, &pidfd)?;
    let address = server.regions()?.next().expect("it has memory")?.mapping.address();
    server.read::<u64>(address)?;
    drop(client);
    Ok(())
}
