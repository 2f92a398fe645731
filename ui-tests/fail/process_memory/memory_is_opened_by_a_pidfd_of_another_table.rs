//! A process's memory is opened by a pidfd of this process's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let sleep = Program::new("sleep").arg("1000");
    let process = here.spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    let pidfd = here.pidfd_open(process.pid())?;
    brand!(private_fds, sleep_memory);
    let (child, its_pidfd) = here.spawn_with_files(private_fds, &pidfd)?;
    let memory = ProcessMemory::open(sleep_memory, &its_pidfd)?;
    assert!(memory.regions()?.next().is_some());
    drop((child, its_pidfd));
    Ok(())
}
