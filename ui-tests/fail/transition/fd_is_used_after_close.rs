//! An fd cannot be used after it was closed.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.close(writer)?;
    here.write(&writer, b"hello")?;
    Ok(())
}
