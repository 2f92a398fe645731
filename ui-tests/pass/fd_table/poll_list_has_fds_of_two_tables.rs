//! All fds that a task waits for are of its own table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let its = PollFd::new(&its_writer, PollFlags::OUT);
    let mut fds = [its, PollFd::new(&its_writer, PollFlags::OUT)];
    assert!(child.ppoll(&mut fds, None)? > 0);
    drop(reader);
    Ok(())
}
