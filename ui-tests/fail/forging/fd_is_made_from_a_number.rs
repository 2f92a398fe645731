//! Safe code cannot own a slot by its number.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let second = Fd::from_near(writer.near(), far::Task::fd_table(&here));
    drop((writer, second));
    Ok(())
}
