//! A dynamic task takes pids that say at run time of which namespace they are.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let task = here.spawn()?.erase();
    let pid = here.pid();
    task.kill(pid, Signal::CONT)?;
    Ok(())
}
