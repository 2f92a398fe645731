//! A mount is mapped by a user namespace that is open in the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    let users = child.openat(Cwd, "/proc/self/ns/user", OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_users) = child.unshare_files(private_fds, &users)?;
    let mapped = child.mount_setattr_idmap(Cwd, "/", AtFlags::empty(), &users);
    assert!(mapped.is_err());
    child.close(its_users)?;
    Ok(())
}
