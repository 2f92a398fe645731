//! All words that a task sleeps on are of its own memory.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::{FutexScope, FutexWaiter};
use std::sync::atomic::AtomicU32;

fn sleep<K: FutexTask>(task: &K, words: &[FutexWaiter<'_, HostMemory>]) -> Result<usize, nearfar::Error> {
    task.futex_waitv(words, None)
}

fn main() -> Result<(), nearfar::Error> {
    let word = AtomicU32::new(1);
    let words = [FutexWaiter::new(&word, 0, FutexScope::Private)];
    assert_eq!(sleep(&Task::here(), &words).unwrap_err().errno(), Some(Errno::AGAIN));
    Ok(())
}
