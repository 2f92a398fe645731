//! A task that exited makes no more calls.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    assert_eq!(child.exit(7)?.code(), Some(7));
    here.getpid()?;
    Ok(())
}
