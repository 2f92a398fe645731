//! The buffers of a batch are memory of its task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let its_words = child.ptr_slice(b"words")?;
    let mut batch = child.batch();
    batch.write(&writer, b"words");
    assert_eq!(batch.submit(), [Ok(5)]);
    drop(its_words);
    Ok(())
}
