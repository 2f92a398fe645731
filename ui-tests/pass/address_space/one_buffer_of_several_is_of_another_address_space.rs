//! Of several buffers of one call, every one has to be of the task's address space.

#![forbid(unsafe_code)]

use nearfar::buf::Buf;
use nearfar::prelude::*;

fn greet<K: far::Task>(
    task: &K,
    fd: &Fd<K::FdTable>,
    name: &impl Buf<K::AddressSpace>,
) -> Result<usize, nearfar::Error> {
    let buffers: [&dyn Buf<K::AddressSpace>; 2] = [name, name];
    task.writev(fd, &buffers)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    greet(&here, &null, b"you")?;
    Ok(())
}
