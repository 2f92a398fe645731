//! What the init of a pid namespace calls itself means another process outside.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn()?.spawn_with_pids(inner_pids)?;
    let pidfd = here.pidfd_open(init.host_pid())?;
    drop(pidfd);
    Ok(())
}
