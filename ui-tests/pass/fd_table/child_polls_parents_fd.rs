//! A child in a private table cannot poll an fd that is open in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let mut fds = [PollFd::new(&its_writer, PollFlags::OUT)];
    child.ppoll(&mut fds, None)?;
    drop(its_writer);
    Ok(())
}
