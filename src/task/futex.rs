//! Sleeping on a word of memory, and waking who sleeps there.
//!
//! # Safety
//!
//! 1. A word in a call is borrowed for the call, in the task's own memory; the kernel reads it and does
//!    not write to it, and keeps no address of it after the call.
//! 2. Every other address in a call is lent, for as many bytes as the kernel reads there; it keeps none
//!    of them after the call.
//! 3. A [`FutexWord`] of this program's memory is one of the task's, if its address space
//!    [`HoldsSlices`].
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::time::Timespec;

use crate::brand::Of;
use crate::buf::HoldsSlices;
use crate::far::{self, AddressSpace, Whose};
use crate::interface::futex::Waiter;
use crate::interface::{Call, Error, SyscallInterface};
use crate::near::Address;

use super::arguments::{call, in_own_memory};

/// A word in the address space `A` that tasks can sleep on.
///
/// # Safety
///
/// `address()` is that of an `AtomicU32`, or of four bytes like one that the kernel alone touches, for as
/// long as the value is borrowed.
#[diagnostic::on_unimplemented(
    message = "this word is not in the task's address space",
    label = "`{Self}` is not a futex in `{A}`",
    note = "an `AtomicU32` is memory of this process, `host_memory`; for a task in another address space, allocate the word there: `task.malloc::<u32>`",
    note = "behind a `Box`, `Rc` or `Arc`, it is `&*it`; a plain integer cannot be one, as others change it meanwhile",
    note = "in generic code, ask for it: `K: FutexTask<AddressSpace = HostMemory>`, or `K: far::InHostMemory`"
)]
pub unsafe trait FutexWord<A> {
    /// Where it is.
    fn address(&self) -> Address<A>;

    /// The address space that it is in.
    #[doc(hidden)]
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        Whose::AsItsTypeSays
    }
}

// SAFETY: (3); a borrowed word.
unsafe impl<A: HoldsSlices> FutexWord<A> for AtomicU32 {
    #[inline]
    fn address(&self) -> Address<A> {
        Address::new(self.as_ptr().expose_provenance())
    }
    #[inline]
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        Whose::Of(const { &AddressSpace::of_host() })
    }
}

/// Who sleeps on a word and wakes others there. The two have to say the same, or they do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FutexScope {
    /// Only who shares the memory: threads of this program, and its driven tasks
    /// (`FUTEX_PRIVATE_FLAG`).
    Private,
    /// Also other programs that have mapped the same file or shared memory.
    Shared,
}

/// When a sleep ends at the latest, by which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FutexDeadline {
    /// Of `CLOCK_MONOTONIC`.
    Monotonic(Timespec),
    /// Of `CLOCK_REALTIME`: it moves when the clock is set.
    Realtime(Timespec),
}

/// One of the words of a [`futex_waitv`](FutexTask::futex_waitv).
pub struct FutexWaiter<'a, A> {
    kernel: Waiter,
    word: PhantomData<&'a AtomicU32>,
    _space: Of<A>,
}

impl<'a, A> FutexWaiter<'a, A> {
    /// To sleep on `word` while it is `expected`.
    pub fn new(
        word: &'a (impl FutexWord<A> + ?Sized),
        expected: u32,
        scope: FutexScope,
    ) -> FutexWaiter<'a, A> {
        let private = match scope {
            FutexScope::Private => libc::FUTEX_PRIVATE_FLAG as u32,
            FutexScope::Shared => 0,
        };
        let kernel = Waiter::new(word.address().as_raw(), expected, private);
        FutexWaiter { kernel, word: PhantomData, _space: Of::new() }
    }
}

impl<A> fmt::Debug for FutexWaiter<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Waiter { value, address, .. } = self.kernel;
        write!(f, "FutexWaiter({address:#x} is {value})")
    }
}

/// Calls on futexes: words of memory on which tasks sleep until another wakes them.
///
/// A driven task shares this program's memory, if it has no copy of it, so that it, its siblings and the
/// threads of this program meet at the same words. While it sleeps, so does the thread that drives it;
/// another one wakes it.
///
/// The word is borrowed, so that it is there for as long as somebody sleeps on it. A sleep can end
/// for no reason: look at the word again.
///
/// Words that do not stay locked when a driven task ends are those of a [`RobustList`](super::RobustList).
/// Missing on purpose: locks with priority inheritance, where the kernel writes to the word; `FUTEX_WAKE_OP`.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait FutexTask: far::Task {
    /// `futex(word, FUTEX_WAIT, expected, limit)`—sleeps on the word while it is `expected`, at most for
    /// `limit`, until somebody wakes it.
    ///
    /// Checked: `word` is in this task's address space.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::FutexScope;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let (here, child) = (Task::here(), Task::here().spawn()?);
    /// let word = AtomicU32::new(0);
    /// std::thread::scope(|scope| {
    ///     let slept = scope.spawn(|| {
    ///         let child = child;
    ///         while word.load(Ordering::Acquire) == 0 {
    ///             let _awake = child.futex_wait(&word, 0, None, FutexScope::Private);
    ///         }
    ///     });
    ///     word.store(1, Ordering::Release);
    ///     here.futex_wake(&word, 1, FutexScope::Private)?;
    ///     slept.join().unwrap();
    ///     Ok(())
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `futex`: `EAGAIN` if the word is not `expected`, `ETIMEDOUT`, `EINTR`.
    ///
    /// # References
    ///
    /// [`FUTEX_WAIT(2const)`](https://man7.org/linux/man-pages/man2/FUTEX_WAIT.2const.html)
    #[doc(alias = "FUTEX_WAIT")]
    fn futex_wait(
        &self,
        word: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        expected: u32,
        limit: Option<Duration>,
        scope: FutexScope,
    ) -> Result<(), Error> {
        // A limit beyond what the kernel can tell is none.
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        with_time(self, limit, |limit| {
            let operation = operation(libc::FUTEX_WAIT, scope);
            let arguments = [near_word(self, word)?, operation, expected as usize, limit];
            // SAFETY: (1), (2)
            unsafe { call(self, Call::FUTEX, arguments) }.map(drop)
        })
    }

    /// `futex(word, FUTEX_WAIT_BITSET, expected, deadline, bits)`—as [`futex_wait`](Self::futex_wait), but
    /// up to a point in time, and woken only by those who name one of the `bits`.
    ///
    /// Checked: `word` is in this task's address space.
    ///
    /// # Errors
    ///
    /// Of `futex`: `EAGAIN` if the word is not `expected`, `ETIMEDOUT`, `EINTR`, `EINVAL` for a time with
    /// a second or more of nanoseconds.
    ///
    /// # References
    ///
    /// [`FUTEX_WAIT_BITSET(2const)`](https://man7.org/linux/man-pages/man2/FUTEX_WAIT_BITSET.2const.html)
    #[doc(alias = "FUTEX_WAIT_BITSET")]
    fn futex_wait_bitset(
        &self,
        word: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        expected: u32,
        bits: NonZeroU32,
        deadline: Option<FutexDeadline>,
        scope: FutexScope,
    ) -> Result<(), Error> {
        let (deadline, clock) = match deadline {
            None => (None, 0),
            Some(FutexDeadline::Monotonic(time)) => (Some(time), 0),
            Some(FutexDeadline::Realtime(time)) => (Some(time), libc::FUTEX_CLOCK_REALTIME),
        };
        with_time(self, deadline, |deadline| {
            let operation = operation(libc::FUTEX_WAIT_BITSET | clock, scope);
            let word = near_word(self, word)?;
            let (expected, bits) = (expected as usize, bits.get() as usize);
            // SAFETY: (1), (2); there is no second word.
            unsafe { call(self, Call::FUTEX, [word, operation, expected, deadline, 0, bits]) }
                .map(drop)
        })
    }

    /// `futex_waitv(waiters, deadline)`—sleeps while every word is what is expected of it, until
    /// somebody wakes one of them: returns which of the `waiters`.
    ///
    /// Others of them may have been woken, too. Checked: the words are in this task's address space.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::{FutexScope::Private, FutexWaiter};
    /// use std::sync::atomic::AtomicU32;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let words = [AtomicU32::new(0), AtomicU32::new(1)];
    /// let waiters = words.each_ref().map(|word| FutexWaiter::new(word, 0, Private));
    /// // The second is not what is expected.
    /// let error = child.futex_waitv(&waiters, None).unwrap_err();
    /// assert_eq!(error.errno(), Some(Errno::AGAIN));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `futex_waitv`: `EAGAIN` if a word is not what is expected, `ETIMEDOUT`, `EINTR`, `EINVAL` for
    /// none or more than 128 waiters. A [`Dynamic`](crate::Dynamic) task waits
    /// while it is [pinned](super::Task::pin), and not otherwise: [`Mismatch`](crate::ErrorKind::Mismatch).
    ///
    /// # References
    ///
    /// [`futex_waitv(2)`](https://docs.kernel.org/userspace-api/futex2.html)
    fn futex_waitv(
        &self,
        waiters: &[FutexWaiter<'_, Self::AddressSpace>],
        deadline: Option<FutexDeadline>,
    ) -> Result<usize, Error> {
        let (deadline, clock) = match deadline {
            None => (None, libc::CLOCK_MONOTONIC),
            Some(FutexDeadline::Monotonic(time)) => (Some(time), libc::CLOCK_MONOTONIC),
            Some(FutexDeadline::Realtime(time)) => (Some(time), libc::CLOCK_REALTIME),
        };
        // What a `FutexWaiter` keeps of its word is the address.
        in_own_memory::<_, Self::AddressSpace>(self, Call::FUTEX_WAITV, Whose::AsItsTypeSays)?;
        let list: Vec<u8> = waiters.iter().flat_map(|waiter| waiter.kernel.bytes()).collect();
        self.interface().lend(&list, |list| {
            with_time(self, deadline, |deadline| {
                let arguments = [list, waiters.len(), 0, deadline, clock as usize];
                // SAFETY: (1), as each waiter borrows its word; (2)
                unsafe { call(self, Call::FUTEX_WAITV, arguments) }
            })
        })
    }

    /// `futex(word, FUTEX_WAKE, count)`—wakes at most `count` of those who sleep on the word; returns how
    /// many.
    ///
    /// Checked: `word` is in this task's address space.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`FUTEX_WAKE(2const)`](https://man7.org/linux/man-pages/man2/FUTEX_WAKE.2const.html)
    #[doc(alias = "FUTEX_WAKE")]
    fn futex_wake(
        &self,
        word: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        count: u32,
        scope: FutexScope,
    ) -> Result<usize, Error> {
        self.futex_wake_bitset(word, count, NonZeroU32::MAX, scope)
    }

    /// `futex(word, FUTEX_WAKE_BITSET, count, bits)`—wakes at most `count` of those who sleep on the word
    /// and have named one of the `bits`; returns how many.
    ///
    /// Who has not named any, in [`futex_wait`](Self::futex_wait) or [`futex_waitv`](Self::futex_waitv),
    /// has named all. Checked: `word` is in this task's address space.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`FUTEX_WAKE_BITSET(2const)`](https://man7.org/linux/man-pages/man2/FUTEX_WAKE_BITSET.2const.html)
    #[doc(alias = "FUTEX_WAKE_BITSET")]
    fn futex_wake_bitset(
        &self,
        word: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        count: u32,
        bits: NonZeroU32,
        scope: FutexScope,
    ) -> Result<usize, Error> {
        // The kernel would wake one for none.
        let Some(count) = NonZeroU32::new(count) else { return Ok(0) };
        let operation = operation(libc::FUTEX_WAKE_BITSET, scope);
        let (word, bits) = (near_word(self, word)?, bits.get() as usize);
        // SAFETY: (1); no time, no second word.
        unsafe { call(self, Call::FUTEX, [word, operation, at_most(count.get()), 0, 0, bits]) }
    }

    /// `futex(word, FUTEX_REQUEUE, wake, requeue, to)`—wakes at most `wake` of those who sleep on the
    /// word, and has at most `requeue` of the others sleep on `to` instead; returns how many that is
    /// together, whatever the man page says.
    ///
    /// Checked: `word` and `to` are in this task's address space.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`FUTEX_REQUEUE(2const)`](https://man7.org/linux/man-pages/man2/FUTEX_REQUEUE.2const.html)
    #[doc(alias = "FUTEX_REQUEUE")]
    fn futex_requeue(
        &self,
        word: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        wake: u32,
        to: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        requeue: u32,
        scope: FutexScope,
    ) -> Result<usize, Error> {
        let operation = operation(libc::FUTEX_REQUEUE, scope);
        let [word, to] = [near_word(self, word)?, near_word(self, to)?];
        // SAFETY: (1); the fourth argument is a number here.
        unsafe { call(self, Call::FUTEX, [word, operation, at_most(wake), at_most(requeue), to]) }
    }

    /// `futex(word, FUTEX_CMP_REQUEUE, wake, requeue, to, expected)`—as
    /// [`futex_requeue`](Self::futex_requeue), but only if the word is `expected`.
    ///
    /// Checked: `word` and `to` are in this task's address space.
    ///
    /// # Errors
    ///
    /// Of `futex`: `EAGAIN` if the word is not `expected`.
    ///
    /// # References
    ///
    /// [`FUTEX_CMP_REQUEUE(2const)`](https://man7.org/linux/man-pages/man2/FUTEX_CMP_REQUEUE.2const.html)
    #[doc(alias = "FUTEX_CMP_REQUEUE")]
    fn futex_cmp_requeue(
        &self,
        word: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        expected: u32,
        wake: u32,
        to: &(impl FutexWord<Self::AddressSpace> + ?Sized),
        requeue: u32,
        scope: FutexScope,
    ) -> Result<usize, Error> {
        let operation = operation(libc::FUTEX_CMP_REQUEUE, scope);
        let [word, to] = [near_word(self, word)?, near_word(self, to)?];
        let [wake, requeue, expected] = [at_most(wake), at_most(requeue), expected as usize];
        // SAFETY: (1); the fourth argument is a number here.
        unsafe { call(self, Call::FUTEX, [word, operation, wake, requeue, to, expected]) }
    }
}

impl<K: far::Task + ?Sized> FutexTask for K {}

/// The address of a word for a call of `task`.
fn near_word<K: far::Task + ?Sized>(
    task: &K,
    word: &(impl FutexWord<K::AddressSpace> + ?Sized),
) -> Result<usize, Error> {
    in_own_memory(task, Call::FUTEX, word.space())?;
    Ok(word.address().as_raw())
}

fn operation(operation: c_int, scope: FutexScope) -> usize {
    let private = match scope {
        FutexScope::Private => libc::FUTEX_PRIVATE_FLAG,
        FutexScope::Shared => 0,
    };
    (operation | private) as usize
}

/// A count as the kernel takes it, which is an `int`: so many never sleep.
fn at_most(count: u32) -> usize {
    count.min(c_int::MAX as u32) as usize
}

/// Runs `call` with the address of a time in the task's memory, or with 0.
fn with_time<K: far::Task + ?Sized, R>(
    task: &K,
    time: Option<Timespec>,
    call: impl FnOnce(usize) -> Result<R, Error>,
) -> Result<R, Error> {
    match time {
        None => call(0),
        Some(Timespec { tv_sec, tv_nsec }) => {
            let bytes = [tv_sec.to_ne_bytes(), tv_nsec.to_ne_bytes()].concat();
            task.interface().lend(&bytes, call)
        }
    }
}
