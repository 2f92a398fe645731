//! All fds in a message are of the sender's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (_ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    brand!(private_fds);
    let (child, (its, its_null)) = here.spawn()?.unshare_files(private_fds, (its, &null))?;
    child.send_fds(&its, [&its_null, &its_null])?;
    Ok(())
}
