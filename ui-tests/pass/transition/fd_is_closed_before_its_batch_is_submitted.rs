//! The fds of a batch are open when its calls are made.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let (_reader, writer) = child.pipe2(PipeFlags::empty())?;
    let mut batch = child.batch();
    batch.write(&writer, b"hello");
    child.fcntl_getfd(&writer)?;
    assert_eq!(batch.submit(), [Ok(5)]);
    Ok(())
}
