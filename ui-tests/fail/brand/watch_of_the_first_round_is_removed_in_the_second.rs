//! Two inotify instances made by the same line of a loop have different watches.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut kept = None;
    for _ in 0..2 {
        brand!(root_watches);
        let inotify = here.inotify_init1(root_watches, inotify::CreateFlags::empty())?;
        let watch = here.inotify_add_watch(&inotify, "/", inotify::WatchFlags::CREATE)?;
        here.inotify_rm_watch(&inotify, *kept.get_or_insert(watch))?;
    }
    Ok(())
}
