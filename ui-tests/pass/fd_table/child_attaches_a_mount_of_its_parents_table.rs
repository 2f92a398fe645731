//! A child in a private table cannot attach a mount that is held in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let etc = child.open_tree(Cwd, "/etc", OpenTreeFlags::OPEN_TREE_CLONE)?;
    brand!(private_fds);
    let (child, its_etc) = child.unshare_files(private_fds, &etc)?;
    child.move_mount_fd(&its_etc, Cwd, "/tmp", MoveMountFlags::empty())?;
    drop(its_etc);
    Ok(())
}
