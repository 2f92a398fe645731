//! While a task is pinned, nothing else drives it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut task = Task::here().spawn()?.erase();
    task.pin(|pinned| {
        pinned.getpid()?;
        pinned.getppid()?;
        Ok::<_, nearfar::Error>(())
    })?;
    Ok(())
}
