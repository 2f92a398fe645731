//! std owns epoll instances of this process's table only, as it owns other fds.

#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let epoll = here.epoll_create1()?;
    brand!(private_fds);
    let (child, its_epoll) = here.spawn_with_files(private_fds, &epoll)?;
    child.fcntl_getfd(&its_epoll)?;
    drop(OwnedFd::from(its_epoll));
    Ok(())
}
