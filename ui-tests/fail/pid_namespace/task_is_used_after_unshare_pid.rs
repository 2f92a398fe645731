//! A task whose children go elsewhere now is another type, and the old one is gone.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let task = here.spawn()?;
    let inside = task.unshare_pid(inner_pids)?;
    task.getpid()?;
    drop(inside);
    Ok(())
}
