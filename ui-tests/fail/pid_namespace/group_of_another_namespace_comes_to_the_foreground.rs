//! A group comes to the foreground by its number in the pid namespace of who asks.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let leader = here.spawn()?;
    let group = leader.setpgrp()?;
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    init.setpgrp()?;
    let terminal = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?;
    let refused = init.ioctl_tiocspgrp(&terminal, group);
    assert!(refused.is_err());
    Ok(())
}
