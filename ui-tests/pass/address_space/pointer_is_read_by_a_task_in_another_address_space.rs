//! What is in memory is read by a task that lives there.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn relay<K: far::Task, L: far::Task>(owner: &K, other: &L) -> Result<(), nearfar::Error> {
    let number = owner.ptr(&7_u32)?;
    other.getpid()?;
    assert_eq!(number.read(owner)?, 7);
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    relay(&here, &here.spawn()?)
}
