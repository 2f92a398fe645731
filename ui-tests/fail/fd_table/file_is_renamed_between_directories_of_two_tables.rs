//! A file is moved between two directories of the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let open = |task: &Task<_, _, _>| task.openat(Cwd, "/proc", OFlags::PATH, Mode::empty());
    let ours = open(&here.spawn()?)?;
    brand!(private_fds);
    let (child, its) = here.spawn()?.unshare_files(private_fds, &ours)?;
    let moved = child.renameat2(&its, "uptime", &ours, "downtime", RenameFlags::empty());
    assert!(moved.is_err());
    child.close(its)
}
