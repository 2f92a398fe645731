//! A thread's number means something in its own pid namespace only.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let other = here.spawn()?;
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    init.tgkill(init.pid(), init.gettid()?, Signal::CONT)?;
    other.getpid()?;
    Ok(())
}
