//! Signal dispositions of this program are not changed by a task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::SigAction;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    child.set_sigaction(Signal::HUP, SigAction::Ignore)?;
    drop(child);
    Ok(())
}
