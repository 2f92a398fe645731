//! Safe code cannot borrow a slot by its number.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let borrowed = writer.borrow();
    here.write(borrowed, b"hello")?;
    Ok(())
}
