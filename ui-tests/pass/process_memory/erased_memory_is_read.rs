//! Addresses of erased memories would all be of one type: they are read while they are pinned.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let sleep = Program::new("sleep").arg("1000");
    let process = Task::here().spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    brand!(sleep_memory);
    let memory = ProcessMemory::open(sleep_memory, &process)?.erase();
    memory.pin(|memory| memory.regions().map(drop))?;
    Ok(())
}
