//! One line opens as many memories as its loop has rounds.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    let mut known = None;
    for _ in 0..2 {
        brand!(server_memory);
        let server = ProcessMemory::open(server_memory, &pidfd)?;
        let start = server.regions()?.next().expect("it has memory")?.mapping.address();
        server.read::<u64>(server.address(*known.get_or_insert(start.as_raw())))?;
    }
    Ok(())
}
