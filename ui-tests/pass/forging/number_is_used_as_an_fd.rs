//! A number is not an fd, also with a brand.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.write(&writer, b"hello")?;
    drop(writer);
    Ok(())
}
