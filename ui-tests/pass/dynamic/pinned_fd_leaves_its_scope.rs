//! What is pinned is erased to leave the scope.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut task = Task::here().spawn()?.erase();
    let null = task.pin(|task| {
        let null = task.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty());
        null.map(Fd::erase)
    })?;
    drop(null);
    Ok(())
}
