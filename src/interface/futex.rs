//! Sleeping on a word of memory, and waking who sleeps there: `futex(2)`.
//!
//! In any memory: some words are shared with forked children, some are the kernel's to wake, and all of a process's
//! private ones share a few buckets, which thousands of keepers fill.
//!
//! # Safety
//!
//! 1. The word is borrowed for the whole call, and the kernel keeps no address after it.
#![expect(unsafe_code, reason = "the futex calls have no safe wrapper that takes two words")]

use std::io;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;

/// Wakes one sleeper.
pub(super) fn wake(word: &AtomicU32) {
    // SAFETY: (1)
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}

/// A word to sleep on while it is `value`.
pub(super) struct Watch<'a> {
    pub(super) word: &'a AtomicU32,
    pub(super) value: u32,
}

/// `struct futex_waitv` of `futex.h`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Waiter {
    pub(crate) value: u64,
    pub(crate) address: u64,
    flags: u32,
    reserved: u32,
}

const _: () = assert!(size_of::<Waiter>() == 24);

impl Waiter {
    /// For a word of 32 bits.
    pub(crate) const fn new(address: usize, value: u32, flags: u32) -> Self {
        const FUTEX2_SIZE_U32: u32 = 2;
        let flags = FUTEX2_SIZE_U32 | flags;
        Waiter { value: value as u64, address: address as u64, flags, reserved: 0 }
    }

    pub(crate) fn bytes(self) -> impl Iterator<Item = u8> {
        let Waiter { value, address, flags, reserved } = self;
        let numbers = [value, address, u64::from(flags) | u64::from(reserved) << 32];
        numbers.into_iter().flat_map(u64::to_le_bytes)
    }
}

/// Sleeps while both words have their values, at most for `limit`; may return early. True if the
/// time may be over.
pub(super) fn wait_either(watches: [Watch<'_>; 2], limit: Duration) -> bool {
    let waiters = watches
        .each_ref()
        .map(|watch| Waiter::new(watch.word.as_ptr().expose_provenance(), watch.value, 0));
    let deadline = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic)
        + rustix::time::Timespec::try_from(limit).expect("limits are seconds");
    // SAFETY: (1); the waiters and the deadline are read before the call sleeps.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len(),
            0,
            &raw const deadline,
            libc::CLOCK_MONOTONIC,
        )
    };
    match Errno::from_io_error(&io::Error::last_os_error()) {
        _ if answer >= 0 => false,
        Some(Errno::AGAIN | Errno::INTR) => false,
        Some(Errno::TIMEDOUT) => true,
        // A filter that is older than the call denies it.
        _ => {
            wait_briefly(&watches[0]);
            true
        }
    }
}

/// Sleeps while one word has its value, for a time that is short enough to look at the other after it.
fn wait_briefly(watch: &Watch<'_>) {
    let limit = libc::timespec { tv_sec: 0, tv_nsec: 10_000_000 };
    // SAFETY: (1)
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            watch.word.as_ptr(),
            libc::FUTEX_WAIT,
            watch.value,
            &raw const limit,
        );
    }
}
