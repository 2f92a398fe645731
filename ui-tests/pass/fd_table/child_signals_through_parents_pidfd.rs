//! A child in a private table cannot signal through a pidfd of its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let victim = here.spawn()?;
    let pidfd = here.pidfd_open(victim.pid())?;
    brand!(private_fds);
    let (child, its_pidfd) = here.spawn()?.unshare_files(private_fds, &pidfd)?;
    child.pidfd_send_signal(&its_pidfd, Signal::KILL)?;
    drop(its_pidfd);
    Ok(())
}
