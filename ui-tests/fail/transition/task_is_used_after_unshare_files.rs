//! The task of the old table is gone once it has a new one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    brand!(private_fds);
    let (_child, ()) = child.unshare_files(private_fds, ())?;
    child.getpid()?;
    Ok(())
}
