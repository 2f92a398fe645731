//! A child made with a private table can inherit only from the table of the task that makes it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(first_fds, second_fds);
    let (child, its_writer) = here.spawn_with_files(first_fds, &writer)?;
    let (grandchild, last_writer) = child.spawn_with_files(second_fds, &writer)?;
    grandchild.write(&last_writer, b"hello")?;
    drop((its_writer, last_writer));
    Ok(())
}
