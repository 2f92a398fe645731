//! Of several buffers of one call, every one is of the task's address space.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn send<K: far::Task, L: far::Task>(writer: &K, other: &L) -> Result<(), nearfar::Error> {
    let null = writer.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    other.getpid()?;
    let (head, body) = (writer.ptr_slice(b"head")?, other.ptr_slice(b"body")?);
    writer.writev(&null, &[IoBuf::new(&head), IoBuf::new(&body)]).map(drop)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    send(&here, &here.spawn()?)
}
