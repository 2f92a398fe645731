//! A child in a private table cannot mount a file system that is held in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let context = child.fsopen("tmpfs")?;
    child.fsconfig_create(&context)?;
    brand!(private_fds);
    let (child, its_context) = child.unshare_files(private_fds, &context)?;
    let mount = child.fsmount(&its_context, MountAttrFlags::empty())?;
    drop((mount, its_context));
    Ok(())
}
