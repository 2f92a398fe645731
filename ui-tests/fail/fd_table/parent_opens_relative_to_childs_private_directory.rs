//! The parent cannot open a path relative to a directory of a child's private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let directory = child.openat(Cwd, "/proc/self", OFlags::DIRECTORY, Mode::empty())?;
    let file = here.openat(&directory, "status", OFlags::RDONLY, Mode::empty())?;
    drop((directory, file));
    Ok(())
}
