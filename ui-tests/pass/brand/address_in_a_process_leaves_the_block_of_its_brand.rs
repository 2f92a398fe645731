//! An address stays where its memory was named; its number can leave.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    let start = {
        brand!(server_memory);
        let server = ProcessMemory::open(server_memory, &pidfd)?;
        server.regions()?.next().expect("it has memory")?.mapping.address().as_raw()
    };
    println!("{start:?}");
    Ok(())
}
