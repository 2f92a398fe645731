//! An fd that was sent is another one where it arrives, of the receiver's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    here.send_fds(&ours, [&null])?;
    let [its_null] = child.recv_fds(&its)?;
    child.write(&its_null, b"hello")?;
    drop(its);
    Ok(())
}
