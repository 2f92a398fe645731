//! Code for std's `AsFd` does not take an fd of a private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    rustix::io::write(&writer, b"hello").expect("it is a pipe");
    drop((writer, its_writer));
    Ok(())
}
