//! A pinned task is borrowed: what changes it for its program is done with the task itself.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::SigAction;

fn main() -> Result<(), nearfar::Error> {
    let mut task = Task::here().spawn()?.erase();
    task.pin(|task| {
        task.sigaction(Signal::HUP).map(drop)
    })
}
