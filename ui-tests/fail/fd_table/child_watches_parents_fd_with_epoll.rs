//! An epoll instance of a private table cannot watch an fd that is open in the parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_reader) = here.spawn()?.unshare_files(private_fds, &reader)?;
    let epoll = child.epoll_create1()?;
    child.epoll_ctl_add(&epoll, &reader, 1, epoll::EventFlags::IN)?;
    drop(its_reader);
    Ok(())
}
