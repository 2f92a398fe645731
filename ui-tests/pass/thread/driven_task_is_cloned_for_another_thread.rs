//! A driven task has one handle.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let other = child.spawn()?;
    std::thread::spawn(move || other.getpid()).join().expect("it does not panic")?;
    child.getpid()?;
    Ok(())
}
