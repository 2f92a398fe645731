//! A child in a private table cannot take a terminal that is open in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let terminal = here.openat(Cwd, "/dev/ptmx", OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_terminal) = here.spawn()?.unshare_files(private_fds, &terminal)?;
    child.setsid()?;
    child.ioctl_tiocsctty(&terminal)?;
    drop(its_terminal);
    Ok(())
}
