//! A file is sent to an fd of the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.openat(Cwd, "/proc/self/exe", OFlags::RDONLY, Mode::empty())?;
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_null) = here.spawn()?.unshare_files(private_fds, &null)?;
    here.sendfile(&null, &file, None, 5)?;
    child.close(its_null)?;
    Ok(())
}
