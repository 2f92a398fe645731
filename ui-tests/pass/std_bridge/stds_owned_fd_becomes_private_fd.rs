//! std's `OwnedFd` becomes an fd of this process's table, and of no other.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let mut writers = vec![its_writer];
    writers.push(child.dup(&writers[0])?);
    drop(writers);
    Ok(())
}
