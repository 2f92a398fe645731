//! The parent cannot take a terminal that is open in a child's private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    child.setsid()?;
    let terminal = child.openat(Cwd, "/dev/ptmx", OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    here.ioctl_tiocsctty(&terminal)?;
    Ok(())
}
