//! A word of this program is not in the memory of every task.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::FutexScope;
use std::sync::atomic::AtomicU32;

fn wake<K: far::Task>(task: &K, word: &AtomicU32) -> Result<usize, nearfar::Error> {
    task.futex_wake(word, 1, FutexScope::Private)
}

fn main() -> Result<(), nearfar::Error> {
    assert_eq!(wake(&Task::here(), &AtomicU32::new(0))?, 0);
    Ok(())
}
