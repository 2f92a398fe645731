//! A dynamic task takes fds that say at run time of which table they are.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Task::here().spawn()?.erase();
    let null = Task::here().openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?.erase();
    task.fstat(&null)?;
    Ok(())
}
