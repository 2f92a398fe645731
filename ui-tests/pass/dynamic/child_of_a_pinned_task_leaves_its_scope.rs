//! What a pinned task has spawned is erased to leave the scope.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut task = Task::here().spawn()?.erase();
    let child = task.pin(|task| Ok::<_, nearfar::Error>(task.spawn()?.erase()))?;
    child.getpid()?;
    Ok(())
}
