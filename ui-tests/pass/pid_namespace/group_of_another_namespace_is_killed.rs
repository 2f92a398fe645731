//! A group's number means something in its own pid namespace only.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let leader = here.spawn()?;
    let group = leader.setpgrp()?;
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    init.setpgrp()?;
    leader.killpg(group, Signal::CONT)?;
    Ok(())
}
