//! The parent cannot write to an fd of a child's private table: the README's example of what is refused.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, writer) = here.spawn()?.unshare_files(private_fds, writer)?;
    here.write(&writer, b"...")?;
    drop((child, writer));
    Ok(())
}
