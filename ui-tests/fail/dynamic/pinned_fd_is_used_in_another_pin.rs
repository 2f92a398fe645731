//! Every pin has brands of its own, also one that is inside of another.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::PinnedTask;

type Answer = Result<(), Box<dyn std::error::Error>>;

fn look<'one, 'other: 'one>(
    one: &PinnedTask<'_, 'one>,
    other: &PinnedTask<'_, 'other>,
) -> Answer {
    let null = one.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?;
    other.fstat(&null)?;
    Ok(())
}

fn main() -> Answer {
    Task::here().spawn()?.erase().pin(|task| look(task, task))
}
