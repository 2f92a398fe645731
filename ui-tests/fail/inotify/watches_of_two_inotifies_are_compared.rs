//! A watch's number means something only in its own inotify instance.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(first_watches, other_watches);
    let instance = here.inotify_init1(first_watches, inotify::CreateFlags::empty())?;
    let another = here.inotify_init1(other_watches, inotify::CreateFlags::empty())?;
    let first = here.inotify_add_watch(&instance, "/", inotify::WatchFlags::CREATE)?;
    let second = here.inotify_add_watch(&instance, "/proc", inotify::WatchFlags::CREATE)?;
    let other = here.inotify_add_watch(&another, "/", inotify::WatchFlags::CREATE)?;
    assert!(first < other);
    here.inotify_rm_watch(&instance, second)?;
    here.inotify_rm_watch(&another, other)?;
    Ok(())
}
