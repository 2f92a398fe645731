//! An fd cannot be closed twice.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.close(here.dup(&writer)?)?;
    here.close(writer)?;
    Ok(())
}
