//! An inotify instance has the brand that it was made with, and no other.

#![forbid(unsafe_code)]

use nearfar::Inotify;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(root_watches);
    let inotify = here.inotify_init1(root_watches, inotify::CreateFlags::empty())?;
    let again: Inotify<HostFds, HostFds> = Inotify::from(inotify.into_fd());
    drop(again);
    Ok(())
}
