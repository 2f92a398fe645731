//! The parent cannot read an fd of a child's private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    here.read(&zeroes, &mut [0; 5])?;
    drop(zeroes);
    Ok(())
}
