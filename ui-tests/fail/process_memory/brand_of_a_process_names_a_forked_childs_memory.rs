//! The memory of a process and that of a task have two brands.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let sleep = Program::new("sleep").arg("1000");
    let process = here.spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    brand!(sleep_memory);
    let memory = ProcessMemory::open(sleep_memory, &process)?;
    let child = here.spawn_with_memory(sleep_memory)?;
    assert!(memory.regions()?.next().is_some());
    child.getpid()?;
    Ok(())
}
