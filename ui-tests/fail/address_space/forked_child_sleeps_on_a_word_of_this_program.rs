//! A word of this program is not one of a forked child, though it may have a copy.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

use nearfar::task::FutexScope;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let word = std::sync::atomic::AtomicU32::new(0);
    let woken = child.futex_wake(&word, 1, FutexScope::Private)?;
    assert_eq!(woken, 0);
    Ok(())
}
