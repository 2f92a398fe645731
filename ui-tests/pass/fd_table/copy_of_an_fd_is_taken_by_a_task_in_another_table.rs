//! A copy of another task's fd is taken where this library holds that task: in this program's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn_with_files(private_fds, ())?;
    let sibling = here.spawn()?;
    let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    let copy = here.pidfd_getfd(&sibling, &reader)?;
    drop((copy, child, sibling));
    Ok(())
}
