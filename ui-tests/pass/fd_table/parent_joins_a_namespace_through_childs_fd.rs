//! The parent cannot join a namespace through an fd of a child's private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    child.unshare(Namespaces::USER | Namespaces::NET)?;
    let net = child.openat(Cwd, "/proc/self/ns/net", OFlags::RDONLY, Mode::empty())?;
    child.setns_net(&net)?;
    Ok(())
}
