//! A program is known by its number in this process's pid namespace.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let program = here.spawn()?.program(&Program::new("true")).exec()?;
    let init = here.spawn_with_pids(inner_pids)?;
    let cpus = init.sched_getaffinity_of(&program);
    drop((cpus, init, program));
    Ok(())
}
