#![forbid(unsafe_code)]
use nearfar::Error;
use nearfar::prelude::*;

fn main() -> Result<(), Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn()?.spawn_with_pids(inner_pids)?;
    let pidfd = init.pidfd_open(init.pid())?;
    drop(pidfd);
    Ok(())
}
