//! After a second unshare, an fd of the first private table that was not listed is of no use.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(first_fds, second_fds);
    let (child, ()) = here.spawn()?.unshare_files(first_fds, ())?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let (child, its_zeroes) = child.unshare_files(second_fds, &zeroes)?;
    child.read(&zeroes, &mut [0; 5])?;
    drop(its_zeroes);
    Ok(())
}
