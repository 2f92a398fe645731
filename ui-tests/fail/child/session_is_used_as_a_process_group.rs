//! A session is not a process group, also if the numbers are equal.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let session = child.setsid()?;
    let group = child.getpgrp()?.expect("its own group");
    assert_eq!(session.as_raw(), group.as_raw());
    let other = here.spawn()?;
    assert!(other.setpgid(session).is_err());
    Ok(())
}
