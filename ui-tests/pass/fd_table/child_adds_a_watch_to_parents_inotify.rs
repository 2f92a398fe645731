//! A child in a private table cannot use an inotify instance that is open in its parent's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds, root_watches);
    let inotify = here.inotify_init1(root_watches, inotify::CreateFlags::empty())?;
    let (child, its_inotify) = here.spawn()?.unshare_files(private_fds, &inotify)?;
    child.inotify_add_watch(&its_inotify, "/", inotify::WatchFlags::CREATE)?;
    drop(its_inotify);
    Ok(())
}
