//! The calls of a batch are made by the thread that drives its task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let (_reader, writer) = child.pipe2(PipeFlags::empty())?;
    let mut batch = child.batch();
    batch.write(&writer, b"hello");
    let answers = std::thread::scope(|scope| scope.spawn(move || batch.submit()).join().unwrap());
    assert_eq!(answers, [Ok(5)]);
    Ok(())
}
