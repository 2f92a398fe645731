//! An epoll instance that std has been given is std's.

#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;
use std::time::Duration;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (epoll, other) = (here.epoll_create1()?, here.epoll_create1()?);
    let stds = OwnedFd::from(epoll);
    here.epoll_pwait2(&other, &mut [EpollEvent::default()], Some(Duration::ZERO))?;
    drop((stds, other));
    Ok(())
}
