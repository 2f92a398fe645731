//! One fd cannot be moved to a new table twice.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let copy = here.dup(&writer)?;
    brand!(private_fds);
    let (child, writers) = here.spawn()?.unshare_files(private_fds, (writer, writer))?;
    child.write(&writers.0, b"hello")?;
    drop((writers, copy));
    Ok(())
}
