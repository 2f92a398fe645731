//! Not every number is one of an enum.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum State {
    Asleep = 0,
    Awake = 1,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pidfd = here.pidfd_open(here.getpid()?)?;
    brand!(server_memory);
    let server = ProcessMemory::open(server_memory, &pidfd)?;
    let start = server.regions()?.next().expect("it has memory")?.mapping.address();
    let value = if server.read::<u8>(start)? == 0 { State::Asleep } else { State::Awake };
    println!("{value:?}");
    Ok(())
}
