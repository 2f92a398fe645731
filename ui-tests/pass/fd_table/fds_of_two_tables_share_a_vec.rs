//! A `Vec` of fds holds fds of one table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let mut writers = vec![its_writer];
    writers.push(child.dup(&writers[0])?);
    child.write(&writers[1], b"hello")?;
    Ok(())
}
