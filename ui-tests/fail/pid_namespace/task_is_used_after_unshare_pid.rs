#![forbid(unsafe_code)]
use nearfar::Error;
use nearfar::prelude::*;

fn main() -> Result<(), Error> {
    let here = Task::here();
    brand!(inner_pids);
    let task = here.spawn()?;
    let inside = task.unshare_pid(inner_pids)?;
    task.getpid()?;
    Ok(())
}
