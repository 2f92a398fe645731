//! Children in private tables cannot be collected in one `Vec`, as if their tables were one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut children = Vec::new();
    for _ in 0..2 {
        brand!(private_fds);
        let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
        children.push(child);
    }
    children[0].getpid()?;
    Ok(())
}
