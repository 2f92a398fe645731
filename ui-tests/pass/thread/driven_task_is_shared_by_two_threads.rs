//! A driven task has one driver at a time.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    std::thread::scope(|scope| {
        scope.spawn(move || child.getpid());
    });
    Ok(())
}
