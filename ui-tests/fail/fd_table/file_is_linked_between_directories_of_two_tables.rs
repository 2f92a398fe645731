//! A link has both its directories in one table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let proc = here.openat(Cwd, "/proc", OFlags::PATH, Mode::empty())?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, &proc)?;
    let linked = child.linkat(&its, "uptime", &proc, "uptime too", AtFlags::empty());
    assert!(linked.is_err());
    child.close(its)?;
    Ok(())
}
