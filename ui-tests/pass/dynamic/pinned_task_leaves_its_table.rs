//! A pinned task is borrowed, and stays where it is meanwhile.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let mut task = Task::here().spawn()?.erase();
    brand!(private_fds);
    task.pin(|task| {
        { drop(private_fds); task.getpid().map(drop) }
    })
}
