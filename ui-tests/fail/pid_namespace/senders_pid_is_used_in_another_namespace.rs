//! The pid of a signal's sender is one of the pid namespace of who reads it.

#![forbid(unsafe_code)]

use nearfar::SignalSet;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let signals = init.signalfd(SignalSet::of(&[Signal::CONT]), OFlags::empty())?;
    init.kill(init.pid(), Signal::CONT)?;
    let sender = init.signalfd_read(&signals)?.pid().expect("it is visible to itself");
    let pidfd = here.pidfd_open(sender)?;
    drop(pidfd);
    Ok(())
}
