//! The pid of a child that a signal is about is one of the pid namespace of who reads it.

#![forbid(unsafe_code)]

use nearfar::SignalSet;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let of_children = SignalSet::of(&[Signal::CHILD]);
    here.sigprocmask(SigmaskChange::Block, of_children)?;
    let signals = here.signalfd(of_children, OFlags::empty())?;
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let process = here.spawn()?.program(&Program::new("true")).exec()?;
    let ended = here.signalfd_read(&signals)?.pid().expect("it is about a child");
    let pidfd = init.pidfd_open(ended)?;
    drop((pidfd, init));
    assert!(process.wait()?.success());
    Ok(())
}
