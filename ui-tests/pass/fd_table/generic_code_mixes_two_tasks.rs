//! Code for any two tasks cannot use an fd of one in the other.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn size<K: FileDescriptorTask, L: FileDescriptorTask>(
    task: &K,
    other: &L,
    fd: &Fd<K::FdTable>,
) -> Result<i64, nearfar::Error> {
    drop(other.pipe2(PipeFlags::empty())?);
    Ok(task.fstat(fd)?.st_size)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    assert_eq!(size(&here, &here.spawn()?, &reader)?, 0);
    Ok(())
}
