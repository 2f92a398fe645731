//! Only fds of the table that is copied can be moved to the copy.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(first_fds, second_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(first_fds, &writer)?;
    let (child, last_writer) = child.unshare_files(second_fds, writer)?;
    child.write(last_writer, b"hello")?;
    Ok(())
}
