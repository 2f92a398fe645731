//! Fds that go with a message are of the sender's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
    let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    here.sendmsg(&ours, None, &[b"null"], [&null], SendFlags::empty())?;
    drop((ours, its, null));
    Ok(())
}
