//! An fd cannot be cloned: a task duplicates it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let copy = here.dup(&writer)?;
    here.write(&copy, b"hello")?;
    Ok(())
}
