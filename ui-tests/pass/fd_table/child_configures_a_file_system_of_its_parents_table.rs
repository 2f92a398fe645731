//! A child in a private table cannot configure a file system that is held in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let context = child.fsopen("tmpfs")?;
    brand!(private_fds);
    let (child, its_context) = child.unshare_files(private_fds, &context)?;
    child.fsconfig_set_string(&its_context, "size", "1m")?;
    drop(its_context);
    Ok(())
}
