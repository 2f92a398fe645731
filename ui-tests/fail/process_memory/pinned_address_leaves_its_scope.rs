//! An address of a pinned memory is of that scope alone.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let sleep = Program::new("sleep").arg("1000");
    let process = Task::here().spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    brand!(sleep_memory);
    let memory = ProcessMemory::open(sleep_memory, &process)?.erase();
    let address = memory.pin(|memory| memory.address(4096));
    assert_eq!(format!("{address}"), "4096");
    Ok(())
}
