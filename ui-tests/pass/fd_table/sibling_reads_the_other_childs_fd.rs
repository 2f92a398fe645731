//! A child cannot read an fd of its sibling's private table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(left_fds, right_fds);
    let (left, ()) = here.spawn()?.unshare_files(left_fds, ())?;
    let (right, ()) = here.spawn()?.unshare_files(right_fds, ())?;
    let zeroes = left.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    left.read(&zeroes, &mut [0; 5])?;
    drop((right, zeroes));
    Ok(())
}
