//! A child in a private table cannot open a path relative to a directory of its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let directory = here.openat(Cwd, "/proc/self", OFlags::DIRECTORY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_directory) = here.spawn()?.unshare_files(private_fds, &directory)?;
    let file = child.openat(&directory, "status", OFlags::RDONLY, Mode::empty())?;
    drop((its_directory, file));
    Ok(())
}
