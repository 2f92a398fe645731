//! std's `AsFd` is for fds of this process's table.

#![forbid(unsafe_code)]

use std::os::fd::AsFd;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    println!("{:?}", AsFd::as_fd(&its_writer));
    drop((writer, its_writer));
    Ok(())
}
