//! A child in a private table cannot join a namespace through an fd of its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    child.unshare(Namespaces::USER | Namespaces::UTS)?;
    let path = format!("/proc/{}/ns/uts", child.pid().as_raw());
    let uts = here.openat(Cwd, path, OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_uts) = child.unshare_files(private_fds, &uts)?;
    child.setns_uts(&uts)?;
    drop(its_uts);
    Ok(())
}
