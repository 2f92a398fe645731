//! The label of this process's table alone does not make an fd one of std's.

#![forbid(unsafe_code)]

use std::os::fd::OwnedFd;

use nearfar::brand::{Guard, host::host_fds};
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    nearfar::__private::make_guard!(guard);
    let guard = Guard::<'_, host_fds>::of(guard);
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    let (_child, its_writer) = here.spawn()?.unshare_files(guard, &writer)?;
    let owned = OwnedFd::from(writer);
    drop((reader, owned));
    Ok(())
}
