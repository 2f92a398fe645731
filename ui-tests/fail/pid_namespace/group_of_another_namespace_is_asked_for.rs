//! The group of a process is one of the pid namespace of who asks.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let child = init.spawn()?;
    child.setpgrp()?;
    let group = init.getpgid(child.pid())?.expect("it is visible there");
    here.killpg(group, Signal::CONT)?;
    Ok(())
}
