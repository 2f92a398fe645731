//! A task sleeps on a word of its own address space.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn sleep<K: far::Task, L: far::Task>(sleeper: &K, other: &L) -> Result<(), nearfar::Error> {
    let word = sleeper.ptr(&1_u32)?;
    other.getpid()?;
    sleeper.futex_wait(&word, 0, None, nearfar::task::FutexScope::Private).unwrap_err();
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    sleep(&here, &here.spawn()?)
}
