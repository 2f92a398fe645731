//! The calling thread has no transitions: every child of this program would go elsewhere.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let child = here.spawn()?;
    let task = child.unshare_pid(inner_pids)?;
    drop(task);
    Ok(())
}
