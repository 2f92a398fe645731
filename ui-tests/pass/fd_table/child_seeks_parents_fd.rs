//! A child in a private table cannot seek in an fd of its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use rustix::fs::SeekFrom;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.openat(Cwd, "/proc/self/status", OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_file) = here.spawn()?.unshare_files(private_fds, &file)?;
    child.lseek(&its_file, SeekFrom::Start(1))?;
    drop(its_file);
    Ok(())
}
