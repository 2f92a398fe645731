//! Whether two fds are one open file can only be asked about fds of one table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let _same = child.fcntl_dupfd_query(&its_writer, &its_writer);
    drop(its_writer);
    Ok(())
}
