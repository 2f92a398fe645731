//! A child in a private table cannot change to a directory that is open in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let usr = here.openat(Cwd, "/usr", OFlags::DIRECTORY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_usr) = here.spawn()?.unshare_files(private_fds, &usr)?;
    child.fchdir(&usr)?;
    drop(its_usr);
    Ok(())
}
