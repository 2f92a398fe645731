//! A recursion makes another pid namespace in every round.

#![forbid(unsafe_code)]

use nearfar::near::Pid;
use nearfar::prelude::*;

fn descend<Outer>(depth: u32, outer: Option<Pid<Outer>>) -> Result<(), nearfar::Error> {
    brand!(inner_pids);
    let init = Task::here().spawn_with_pids(inner_pids)?;
    if let Some(outer) = outer {
        init.kill(init.pid(), if outer.as_raw() > 0 { Signal::CONT } else { Signal::TERM })?;
    }
    if depth == 0 { Ok(()) } else { descend(depth - 1, Some(init.pid())) }
}

fn main() -> Result<(), nearfar::Error> {
    descend::<HostPids>(2, None)
}
