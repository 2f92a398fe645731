//! What rustix calls a process is its number in this process's pid namespace, and in no other.

#![forbid(unsafe_code)]

use nearfar::near::Pid;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let (own, ours) = (init.pid(), Pid::from(rustix::process::getpid()));
    assert_ne!(own.as_raw(), ours.as_raw());
    drop(init.pidfd_open(own)?);
    Ok(())
}
