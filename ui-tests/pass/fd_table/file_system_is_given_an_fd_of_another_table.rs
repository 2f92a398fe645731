//! What a file system is configured with is of the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_null) = child.unshare_files(private_fds, &null)?;
    let context = child.fsopen("tmpfs")?;
    let given = child.fsconfig_set_fd(&context, "size", &its_null);
    assert!(given.is_err());
    child.close(its_null)?;
    Ok(())
}
