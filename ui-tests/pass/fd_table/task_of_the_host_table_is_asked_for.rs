//! A function that asks for a task in this process's table does not take one that left it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn open_here(task: &impl far::InHostFds) -> Result<Fd<HostFds>, nearfar::Error> {
    task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    drop(open_here(&here)?);
    drop(child);
    Ok(())
}
