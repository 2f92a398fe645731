//! A task receives through a socket of its own table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
    here.send_fds(&ours, [std::io::stdin()])?;
    let [null] = child.recv_fds(&its)?;
    drop((ours, its, null));
    Ok(())
}
