//! An fd that a task opened but did not list when it left the table is not in the new table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, ones) = child.unshare_files(private_fds, &zeroes)?;
    child.read(zeroes, &mut [0; 5])?;
    Ok(())
}
