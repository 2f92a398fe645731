//! A plain number is not an fd.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.write(writer.near().as_raw(), b"hello")?;
    drop(writer);
    Ok(())
}
