//! A slice is memory of this process, not of just any task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn first<K>(task: &K, fd: &Fd<K::FdTable>) -> Result<u8, nearfar::Error>
where
    K: FileDescriptorTask<AddressSpace = HostMemory>,
{
    let mut byte = [1; 1];
    task.read(fd, &mut byte)?;
    Ok(byte[0])
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zeroes = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    assert_eq!(first(&here, &zeroes)?, 0);
    Ok(())
}
