//! A child in a private table cannot fcntl an fd of its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    child.fcntl_setfl(&its_writer, OFlags::NONBLOCK)?;
    drop(its_writer);
    Ok(())
}
