//! A guard cannot be cloned.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds, other_fds);
    let guard = private_fds.clone();
    let (left, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let (right, ()) = here.spawn()?.unshare_files(guard, ())?;
    drop((left, right));
    Ok(())
}
