//! The number of a task outside would be another process's inside.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let outside = here.spawn()?;
    let init = here.spawn_with_pids(inner_pids)?;
    let _denied = init.deny_setgroups(&outside);
    drop((outside, init));
    Ok(())
}
