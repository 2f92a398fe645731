//! One of several buffers is in the memory of the task, as a single one is.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn send<K: SocketMessageTask>(task: &K, socket: &Fd<K::FdTable>) -> Result<(), nearfar::Error> {
    let buffers = [IoBuf::new(b"hello")];
    task.sendmsg(socket, None, &buffers, None::<&Fd<_>>, SendFlags::empty()).map(drop)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (left, _right) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    send(&here, &left)
}
