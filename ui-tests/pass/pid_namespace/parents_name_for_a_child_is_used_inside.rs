//! What this process calls a child means another process, or none, in the child's namespace.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn()?.spawn_with_pids(inner_pids)?;
    let pidfd = init.pidfd_open(init.pid())?;
    drop(pidfd);
    Ok(())
}
