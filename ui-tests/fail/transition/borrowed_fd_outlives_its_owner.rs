//! A borrowed fd cannot be used after its owner has closed it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let borrowed = writer.borrow();
    drop(writer);
    here.write(borrowed, b"hello")?;
    Ok(())
}
