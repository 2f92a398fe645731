//! `dup_onto` cannot replace a file of another table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let slot = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_slot) = here.spawn()?.unshare_files(private_fds, &slot)?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let copy = child.dup_onto(&zeroes, slot)?;
    drop((zeroes, copy));
    Ok(())
}
