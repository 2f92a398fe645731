//! Telling this process from a copy of it that `fork` made.
//!
//! # Safety
//!
//! 1. The mapping is fresh, private, never unmapped, and large enough for the word at its start.
#![expect(unsafe_code, reason = "a page that the kernel wipes at fork")]

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// The process that made something: this one, or the one it was forked from.
///
/// A number and not a pid, because a pid may be the same in two namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Generation {
    /// This process.
    pub(crate) fn current() -> Self {
        static WIPED_AT_FORK: OnceLock<&'static AtomicU64> = OnceLock::new();
        static LAST: AtomicU64 = AtomicU64::new(0);

        let word = WIPED_AT_FORK.get_or_init(wiped_at_fork);
        let known = word.load(Ordering::Acquire);
        if known != 0 {
            return Generation(known);
        }
        let next = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        match word.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Generation(next),
            Err(another_thread) => Generation(another_thread),
        }
    }

    /// Whether this process is the one it was made in, and not a copy.
    pub(crate) fn is_current(self) -> bool {
        self == Generation::current()
    }
}

fn wiped_at_fork() -> &'static AtomicU64 {
    let size = size_of::<AtomicU64>();
    // SAFETY: (1)
    let page = unsafe {
        mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    }
    .expect("one page of memory");
    // SAFETY: (1); only the content at fork changes.
    unsafe { madvise(page, size, Advice::LinuxWipeOnFork) }.expect("Linux has it since 4.14");
    // SAFETY: (1)
    unsafe { AtomicU64::from_ptr(page.cast()) }
}
