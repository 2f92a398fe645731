//! A guard with the label of this process's table does not name this process's table.

#![forbid(unsafe_code)]

use nearfar::brand::{Guard, host::host_fds};
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    nearfar::__private::make_guard!(guard);
    let guard = Guard::<'_, host_fds>::of(guard);
    let (child, ()) = here.spawn()?.unshare_files(guard, ())?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    child.read(&zeroes, &mut [0; 1])?;
    drop(zeroes);
    Ok(())
}
