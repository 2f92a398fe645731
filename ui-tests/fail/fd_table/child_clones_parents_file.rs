//! A child in a private table cannot clone a file that is open in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?;
    brand!(private_fds);
    let (child, its_file) = here.spawn()?.unshare_files(private_fds, &file)?;
    let copy = child.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?;
    let cloned = child.ioctl_ficlone(&copy, &file);
    assert!(cloned.is_err());
    drop(its_file);
    Ok(())
}
