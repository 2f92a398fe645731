//! A pointer of this program leads elsewhere in another.

#![forbid(unsafe_code)]

use nearfar::near::Address;
use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    brand!(server_memory);
    let server = ProcessMemory::open(server_memory, &pidfd)?;
    let number = 7_u64;
    let address = Address::from(&raw const number);
    server.read::<u64>(address)?;
    Ok(())
}
