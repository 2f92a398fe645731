//! An fd that was moved to a new table is gone from the old one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, writer)?;
    child.write(its_writer, b"hello")?;
    here.write(&writer, b"hello")?;
    Ok(())
}
