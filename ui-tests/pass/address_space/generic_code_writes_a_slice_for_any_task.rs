//! A slice of this process cannot be written by just any task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn greet<K>(task: &K, fd: &Fd<K::FdTable>) -> Result<usize, nearfar::Error>
where
    K: FileDescriptorTask + far::InHostMemory,
{
    task.write(fd, b"hello")
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    assert_eq!(greet(&here, &null)?, 5);
    Ok(())
}
