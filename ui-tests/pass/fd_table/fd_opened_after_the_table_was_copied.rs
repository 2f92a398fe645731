//! An fd opened in the parent after the child's table was made is not in it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    child.read(&zeroes, &mut [0; 5])?;
    drop(zeroes);
    Ok(())
}
