//! The pid of a peer is one of the pid namespace of who asks.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (socket, _other) = init.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    let peer = init.getsockopt_peercred(&socket)?.pid.expect("it is visible to itself");
    let pidfd = init.pidfd_open(peer)?;
    drop(pidfd);
    Ok(())
}
