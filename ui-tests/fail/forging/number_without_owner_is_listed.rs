//! A number that nobody owns cannot be listed for a new table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, writer.near())?;
    child.write(its_writer, b"hello")?;
    drop(writer);
    Ok(())
}
