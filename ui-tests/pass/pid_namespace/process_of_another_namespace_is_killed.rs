//! A process is killed by its pid in the namespace of the task that does it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let child = init.spawn()?;
    let other = here.spawn()?;
    assert_ne!(other.pid().as_raw(), child.pid().as_raw());
    init.kill(child.pid(), Signal::KILL)?;
    Ok(())
}
