//! A mount goes to a directory of the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let directory = child.openat(Cwd, "/tmp", OFlags::PATH, Mode::empty())?;
    brand!(private_fds);
    let (child, its) = child.unshare_files(private_fds, &directory)?;
    let moved = child.move_mount(Cwd, "/nowhere", &its, ".", MoveMountFlags::empty());
    assert!(moved.is_err());
    child.close(its)?;
    Ok(())
}
