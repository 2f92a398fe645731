//! Code for any task cannot use an fd of this process's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn size<K: FileDescriptorTask>(task: &K, fd: &Fd<K::FdTable>) -> Result<i64, nearfar::Error> {
    Ok(task.fstat(fd)?.st_size)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    assert_eq!(size(&here, &reader)?, 0);
    Ok(())
}
