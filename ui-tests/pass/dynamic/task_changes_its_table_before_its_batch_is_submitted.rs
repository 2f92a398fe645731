//! A batch is of the table that its task had when it was made.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut task = Task::here().spawn()?.erase();
    let (_reader, writer) = task.pipe2(PipeFlags::empty())?;
    let mut batch = task.batch();
    batch.write(&writer, b"hello");
    drop(task.fcntl_getfd(&writer)?);
    assert_eq!(batch.submit(), [Ok(5)]);
    task.unshare_files_in_place(())?;
    Ok(())
}
