//! The parent cannot change to a directory that is open in a child's private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let usr = child.openat(Cwd, "/usr", OFlags::DIRECTORY, Mode::empty())?;
    here.fchdir(&usr)?;
    Ok(())
}
