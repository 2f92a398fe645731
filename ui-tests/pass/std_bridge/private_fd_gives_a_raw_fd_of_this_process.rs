//! std's `AsRawFd` is for fds of this process's table; `near().as_raw()` is for those that know what they do.

#![forbid(unsafe_code)]

use std::os::fd::AsRawFd;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    println!("{}", writer.as_raw_fd());
    drop((writer, its_writer));
    Ok(())
}
