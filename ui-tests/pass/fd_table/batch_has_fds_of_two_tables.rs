//! Calls that are made together are on fds of one table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, here_writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, writer) = here.spawn_with_files(private_fds, &here_writer)?;
    let mut batch = child.batch();
    batch.write(&writer, b"one");
    batch.write(&writer, b"two");
    batch.submit().into_iter().try_for_each(|answer| answer.map(drop))
}
