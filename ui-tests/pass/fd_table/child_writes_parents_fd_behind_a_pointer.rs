//! A pointer to an fd is no fd of another table than the fd itself.

#![forbid(unsafe_code)]

use std::sync::Arc;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let (writer, its_writer) = (Arc::new(writer), Arc::new(its_writer));
    child.write(&its_writer, b"hello")?;
    drop((writer, its_writer));
    Ok(())
}
