//! A child in a private table cannot give up a terminal that is open in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let terminal = here.openat(Cwd, "/dev/ptmx", OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_terminal) = here.spawn()?.unshare_files(private_fds, &terminal)?;
    assert!(child.ioctl_tiocnotty(&terminal).is_err());
    drop(its_terminal);
    Ok(())
}
