//! Safe code cannot make a number into a watch.

#![forbid(unsafe_code)]

use nearfar::near::Watch;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(root_watches);
    let inotify = here.inotify_init1(root_watches, inotify::CreateFlags::empty())?;
    let watch = here.inotify_add_watch(&inotify, "/", inotify::WatchFlags::CREATE)?;
    let same = |watch: Watch<_>| Watch::new(watch.as_raw());
    here.inotify_rm_watch(&inotify, same(watch))?;
    Ok(())
}
