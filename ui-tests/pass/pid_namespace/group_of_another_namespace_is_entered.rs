//! A process group of this namespace has another number inside.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let ours = here.getpgrp()?.unwrap();
    let inside = init.setpgrp()?;
    init.setpgid(inside)?;
    drop((ours, inside));
    Ok(())
}
