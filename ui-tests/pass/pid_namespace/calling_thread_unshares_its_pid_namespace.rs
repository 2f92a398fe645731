#![forbid(unsafe_code)]
use nearfar::Error;
use nearfar::prelude::*;

fn main() -> Result<(), Error> {
    let here = Task::here();
    brand!(inner_pids);
    let child = here.spawn()?;
    let task = child.unshare_pid(inner_pids)?;
    drop(task);
    Ok(())
}
