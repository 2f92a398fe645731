//! After `unshare_pid` the task stays where it is, but its children do not come there.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let task = here.spawn()?.unshare_pid(inner_pids)?;
    let child = task.spawn()?;
    let pidfd = task.pidfd_open(child.pid())?;
    drop(pidfd);
    Ok(())
}
