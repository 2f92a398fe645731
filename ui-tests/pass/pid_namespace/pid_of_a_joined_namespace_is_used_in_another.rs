//! The pid namespace that a task joins for its children has a brand of its own.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids, joined_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let namespace = here.pidfd_open(init.host_pid())?;
    let outside = here.spawn()?.setns_pid(joined_pids, &namespace)?;
    let resident = outside.spawn()?;
    drop(resident.pidfd_open(resident.pid())?);
    Ok(())
}
