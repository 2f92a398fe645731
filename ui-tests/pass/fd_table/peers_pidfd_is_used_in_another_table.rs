//! A pidfd of the peer is open where it was asked for.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
    let (our_peer, its_peer) = (here.getsockopt_peerpidfd(&ours)?, child.getsockopt_peerpidfd(&its)?);
    here.pidfd_send_signal(&our_peer, Signal::CONT)?;
    drop((our_peer, its_peer));
    Ok(())
}
