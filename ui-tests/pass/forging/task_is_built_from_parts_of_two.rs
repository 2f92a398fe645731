//! A task's namespaces cannot be put together from those of two tasks.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let sibling = here.spawn()?;
    let mixed = (sibling.fd_table().clone(), child).1;
    mixed.getpid()?;
    Ok(())
}
