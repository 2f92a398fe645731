//! A copy of another task's fd is taken with that task, and not with any other.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn_with_files(private_fds, ())?;
    let sibling = here.spawn()?;
    let (reader, _writer) = child.pipe2(PipeFlags::empty())?;
    let copy = here.pidfd_getfd(&child, &reader)?;
    drop((copy, child, sibling));
    Ok(())
}
