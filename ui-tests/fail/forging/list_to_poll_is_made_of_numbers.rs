//! Safe code cannot have a task wait for a number.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let mut fds = [PollFd { number: 1, ..PollFd::new(&writer, PollFlags::OUT) }];
    assert_eq!(here.ppoll(&mut fds, None)?, 1);
    Ok(())
}
