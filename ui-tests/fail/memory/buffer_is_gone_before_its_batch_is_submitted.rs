//! What a call of a batch writes is there until the batch is submitted.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let (_reader, writer) = child.pipe2(PipeFlags::empty())?;
    let mut batch = child.batch();
    batch.write(&writer, &vec![1; 8]);
    assert_eq!(batch.submit(), [Ok(8)]);
    Ok(())
}
