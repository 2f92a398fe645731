//! std's `OwnedFd` is for fds of this process's table: an fd of a private table cannot become one.

#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, _its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    drop(OwnedFd::from(_its_writer));
    Ok(())
}
