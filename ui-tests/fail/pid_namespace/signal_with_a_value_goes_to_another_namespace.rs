//! A signal with a value goes to a process of the task's own pid namespace.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let other = here.spawn()?;
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    init.rt_sigqueueinfo(other.pid(), Signal::CONT, 7)?;
    other.getpid()?;
    Ok(())
}
