//! rustix knows processes by their numbers in this process's pid namespace.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let theirs = rustix::process::Pid::from(init.pid());
    rustix::process::test_kill_process(theirs).expect("it lives");
    Ok(())
}
