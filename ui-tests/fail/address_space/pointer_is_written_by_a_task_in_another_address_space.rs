//! What is in memory is written by a task that lives there.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn relay<K: far::Task, L: far::Task>(owner: &K, other: &L) -> Result<(), nearfar::Error> {
    let mut number = owner.malloc::<u32>()?;
    other.getpid()?;
    number.write(other, &7)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    relay(&here, &here.spawn()?)
}
