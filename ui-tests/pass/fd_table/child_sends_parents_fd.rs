//! A task sends fds of its own table only: it names them there.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    here.send_fds(&ours, [&null])?;
    drop((ours, its, null));
    Ok(())
}
