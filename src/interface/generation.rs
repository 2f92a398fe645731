//! Telling this process from a copy of it that `fork` made.
//!
//! # Safety
//!
//! 1. There is nothing in the page but the word at its start, which is atomic, and for which zeroes are valid.
#![expect(unsafe_code, reason = "a page that the kernel wipes at fork")]

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::mm::{Advice, madvise};

use super::{Call, Error};

/// The process that made something: this one, or the one it was forked from.
///
/// A number and not a pid, because a pid may be the same in two namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Generation {
    /// This process.
    pub(crate) fn current() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);

        let word = match wiped_at_fork() {
            Ok(word) => word,
            Err(error) => panic!("copies of this process could not be told from it: {error}"),
        };
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

    /// Sees to it that copies can be told: the first time, the kernel may refuse that.
    pub(crate) fn prepare() -> Result<(), Error> {
        wiped_at_fork().map(drop)
    }

    /// Whether this process is the one it was made in, and not a copy.
    pub(crate) fn is_current(self) -> bool {
        self == Generation::current()
    }
}

/// A word on a page of its own.
fn wiped_at_fork() -> Result<&'static AtomicU64, Error> {
    #[repr(C, align(4096))]
    struct Page {
        word: AtomicU64,
        _rest: [u8; 4096 - size_of::<AtomicU64>()],
    }
    static PAGE: Page = Page { word: AtomicU64::new(0), _rest: [0; 4096 - size_of::<AtomicU64>()] };
    static IS_ADVISED: AtomicBool = AtomicBool::new(false);

    if !IS_ADVISED.load(Ordering::Acquire) {
        let page = ptr::from_ref(&PAGE).cast_mut().cast();
        // SAFETY: (1); it is in `.bss`, which is private, and no file's. Twice is as good as once.
        unsafe { madvise(page, size_of::<Page>(), Advice::LinuxWipeOnFork) }
            .map_err(|errno| Error::os(Call::MADVISE, errno))?;
        IS_ADVISED.store(true, Ordering::Release);
    }
    Ok(&PAGE.word)
}
