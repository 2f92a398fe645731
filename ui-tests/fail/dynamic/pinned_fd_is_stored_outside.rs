//! What is pinned is erased to be stored outside.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut task = Task::here().spawn()?.erase();
    let mut stored = None;
    task.pin(|task| {
        let null = task.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?;
        stored = Some(null);
        Ok::<_, nearfar::Error>(())
    })?;
    drop(stored);
    Ok(())
}
