//! A process has no number in a pid namespace that it is outside of.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let outside = here.spawn()?;
    let init = here.spawn_with_pids(inner_pids)?;
    init.prlimit_of(&outside, Resource::Nofile, None)?;
    drop((outside, init));
    Ok(())
}
