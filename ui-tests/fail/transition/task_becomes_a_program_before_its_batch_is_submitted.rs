//! Who has a batch to submit is still a task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (child, other) = (here.spawn()?, here.spawn()?);
    let (_reader, writer) = child.pipe2(PipeFlags::empty())?;
    other.getpid()?;
    let program = Program::new("true");
    let mut batch = child.batch();
    batch.write(&writer, b"hello");
    let process = child.program(&program).exec()?;
    assert_eq!(batch.submit(), [Ok(5)]);
    assert!(process.wait()?.success());
    Ok(())
}
