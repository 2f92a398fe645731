//! A file system that is being configured is not a mount yet.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let context = child.fsopen("tmpfs")?;
    child.fsconfig_create(&context)?;
    let mount = child.fsmount(&context, MountAttrFlags::empty())?;
    child.move_mount_fd(&context, Cwd, "/tmp", MoveMountFlags::empty())?;
    drop(mount);
    Ok(())
}
