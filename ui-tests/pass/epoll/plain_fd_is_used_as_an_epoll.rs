//! What is not an epoll instance is not taken for one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    let epoll = here.epoll_create1()?;
    here.epoll_ctl_add(&epoll, &reader, 1, epoll::EventFlags::IN)?;
    drop(epoll);
    Ok(())
}
