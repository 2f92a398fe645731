//! A process group is not a process, also if the numbers are equal.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let group = here.getpgrp()?;
    assert!(group.is_some());
    let pidfd = here.pidfd_open(group.unwrap())?;
    drop(pidfd);
    Ok(())
}
