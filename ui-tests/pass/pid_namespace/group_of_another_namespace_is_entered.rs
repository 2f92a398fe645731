#![forbid(unsafe_code)]
use nearfar::Error;
use nearfar::prelude::*;

fn main() -> Result<(), Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let ours = here.getpgrp()?;
    let inside = init.getpgrp()?;
    init.setpgid(inside)?;
    drop((ours, inside));
    Ok(())
}
