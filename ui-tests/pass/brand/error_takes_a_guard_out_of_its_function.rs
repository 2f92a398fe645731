//! An error that gives a guard back cannot leave the function that declared it.

#![forbid(unsafe_code)]

use std::error::Error;

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let here = Task::here();
    brand!(private_fds);
    let child = here.spawn()?;
    let (child, ()) = child.try_unshare_files(private_fds, ()).map_err(|undone| undone.error)?;
    child.getpid()?;
    Ok(())
}
