#![forbid(unsafe_code)]
use nearfar::Error;
use nearfar::prelude::*;

fn main() -> Result<(), Error> {
    let here = Task::here();
    brand!(inner_pids);
    let task = here.spawn()?.unshare_pid(inner_pids)?;
    let child = task.spawn()?;
    let pidfd = child.pidfd_open(child.pid())?;
    drop(pidfd);
    Ok(())
}
