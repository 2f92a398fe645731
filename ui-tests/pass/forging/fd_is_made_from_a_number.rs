//! Safe code cannot own a slot by its number.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let second = here.dup(&writer)?;
    drop((writer, second));
    Ok(())
}
