//! A child in a private table cannot read an fd of its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.write(&writer, b"hello")?;
    brand!(private_fds);
    let (child, its_reader) = here.spawn()?.unshare_files(private_fds, &reader)?;
    child.read(&reader, &mut [0; 5])?;
    drop(its_reader);
    Ok(())
}
