//! A child in a private table cannot wait for an epoll instance that is open in its parent's table.

#![forbid(unsafe_code)]

use std::time::Duration;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let epoll = here.epoll_create1()?;
    brand!(private_fds);
    let (child, its_epoll) = here.spawn()?.unshare_files(private_fds, &epoll)?;
    let mut events = [EpollEvent::default(); 4];
    child.epoll_pwait2(&its_epoll, &mut events, Some(Duration::ZERO))?;
    drop(its_epoll);
    Ok(())
}
