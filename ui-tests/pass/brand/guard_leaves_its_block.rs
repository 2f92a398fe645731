//! A guard cannot leave the block that declared it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds); let guard = { private_fds };
    let (child, ()) = here.spawn()?.unshare_files(guard, ())?;
    child.getpid()?;
    Ok(())
}
