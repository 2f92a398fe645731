//! A tee has both pipes in its task's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.write(&writer, b"hello")?;
    let (_other_reader, other) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, &other)?;
    here.tee(&reader, &other, 5, SpliceFlags::empty())?;
    child.close(its)?;
    Ok(())
}
