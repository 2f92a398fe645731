//! A watch belongs to the inotify instance that made it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(root_watches, proc_watches);
    let root = here.inotify_init1(root_watches, inotify::CreateFlags::empty())?;
    let proc = here.inotify_init1(proc_watches, inotify::CreateFlags::empty())?;
    let watch = here.inotify_add_watch(&root, "/", inotify::WatchFlags::CREATE)?;
    here.inotify_add_watch(&proc, "/proc", inotify::WatchFlags::CREATE)?;
    here.inotify_rm_watch(&root, watch)?;
    Ok(())
}
