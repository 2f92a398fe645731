//! A task maps files that are open in its own table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::Sharing;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.memfd_create("shared", MemfdFlags::empty())?;
    brand!(private_fds);
    let (child, copy) = here.spawn()?.unshare_files(private_fds, &file)?;
    assert!(child.file(&copy)?.is_same_as(&here.file(&file)?)?);
    child.mmap_file(&file, 0, 4096, ProtFlags::READ, Sharing::Shared)?;
    Ok(())
}
