//! Waiting for several fds.
//!
//! # Safety
//!
//! 1. Every fd number in a call is in a [`PollFd`], which has it from an fd of the task's own table that it
//!    borrows from its owner, so that it stays open.
//! 2. The list is lent, and borrowed for the call; the kernel writes to the `revents` of its elements only,
//!    for which every bit pattern is a value, and keeps no address after the call.
//! 3. A [`PollFd`] is laid out as `struct pollfd`.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::slice;
use std::time::Duration;

use rustix::event::PollFlags;

use crate::brand::Namespace;
use crate::far::{self, Whose};
use crate::handle::{AsFd, BorrowedFd};
use crate::interface::{Call, Error, SyscallInterface};
use crate::near;

use super::arguments::{call, in_own_table, with_timeout};

/// Waiting until one of several fds is ready.
///
/// Every fd has to be of the task's own fd table: else the call does not compile.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait PollTask: far::Task {
    /// `ppoll(fds, timeout, NULL)`—waits until something has happened to one of the fds, but no longer than
    /// `timeout`; returns how many it has happened to.
    ///
    /// Checked: all fds are of this task's fd table. Afterwards, [`PollFd::revents`] says what has happened to
    /// each. `None` waits for ever, zero does not wait. The signal mask stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// let mut fds = [PollFd::new(&reader, PollFlags::IN), PollFd::new(&writer, PollFlags::OUT)];
    /// assert_eq!(child.ppoll(&mut fds, Some(Duration::ZERO))?, 1);
    /// assert_eq!(fds[0].revents(), PollFlags::empty());
    /// assert_eq!(fds[1].revents(), PollFlags::OUT);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ppoll`: `EINTR` if a signal handler ran meanwhile, `EINVAL` for more fds than the limit on open
    /// files. A [`Dynamic`](crate::Dynamic) task waits while it is [pinned](super::Task::pin), and not otherwise:
    /// [`Mismatch`](crate::ErrorKind::Mismatch).
    ///
    /// # References
    ///
    /// [`ppoll(2)`](https://man7.org/linux/man-pages/man2/poll.2.html)
    #[doc(alias = "poll")]
    fn ppoll<'fd>(
        &self,
        fds: &mut (impl PollFds<'fd, Self::FdTable> + ?Sized),
        timeout: Option<Duration>,
    ) -> Result<usize, Error>
    where
        Self::FdTable: 'fd,
    {
        // What a `PollFd` keeps of its fd is its number.
        in_own_table(self, Call::PPOLL, Whose::AsItsTypeSays)?;
        let fds = fds.list();
        let count = fds.len();
        let bytes = fds.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: (2), (3); the bytes of the borrowed list.
        let bytes = unsafe { slice::from_raw_parts_mut(bytes, size_of_val::<[_]>(fds)) };
        with_timeout(self, timeout, |timeout| {
            self.interface().lend_mut(bytes, |fds| {
                // SAFETY: (1), (2), (3); the timeout is lent.
                unsafe { call(self, Call::PPOLL, [fds, count, timeout, 0, 0]) }
            })
        })
    }
}

impl<K: far::Task + ?Sized> PollTask for K {}

/// An fd of the table `F` to be waited for, and what has happened to it: [`PollTask::ppoll`].
#[doc(alias = "pollfd")]
#[repr(C)]
pub struct PollFd<'fd, F> {
    /// As the kernel takes it, which is not how a [`near::Fd`] keeps it.
    number: c_int,
    events: i16,
    revents: i16,
    owner: PhantomData<BorrowedFd<'fd, F>>,
}

impl<'fd, F> PollFd<'fd, F> {
    /// An fd to wait for, until one of `events` happens to it. Errors and hangups are always reported.
    pub fn new(fd: &'fd (impl AsFd<F> + ?Sized), events: PollFlags) -> Self {
        let number = fd.near_fd().as_raw();
        PollFd { number, events: events.bits() as i16, revents: 0, owner: PhantomData }
    }

    /// What to wait for from now on.
    pub fn set_events(&mut self, events: PollFlags) {
        self.events = events.bits() as i16;
    }

    /// What had happened when the last call returned.
    #[must_use]
    pub fn revents(&self) -> PollFlags {
        PollFlags::from_bits_retain(self.revents as u16)
    }
}

impl<F: Namespace> fmt::Debug for PollFd<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollFd")
            .field("fd", &near::Fd::<F>::new(self.number))
            .field("events", &PollFlags::from_bits_retain(self.events as u16))
            .field("revents", &self.revents())
            .finish()
    }
}

/// A list of fds of the table `F` to wait for: arrays, slices and vectors of [`PollFd`].
#[diagnostic::on_unimplemented(
    message = "one of the file descriptors is not in this task's fd table",
    label = "`{Self}` is not a list of open fds of `{F}`",
    note = "an fd number means something only in the fd table it was opened in",
    note = "wait in the task that has opened them, or list them in `unshare_files` when the table is made",
    note = "a dynamic task polls while it is pinned, what `rebrand_ref(task)` makes of its fds"
)]
pub trait PollFds<'fd, F> {
    /// The fds.
    fn list(&mut self) -> &mut [PollFd<'fd, F>];
}

impl<'fd, F> PollFds<'fd, F> for [PollFd<'fd, F>] {
    fn list(&mut self) -> &mut [PollFd<'fd, F>] {
        self
    }
}

impl<'fd, F, const N: usize> PollFds<'fd, F> for [PollFd<'fd, F>; N] {
    fn list(&mut self) -> &mut [PollFd<'fd, F>] {
        self
    }
}

impl<'fd, F> PollFds<'fd, F> for Vec<PollFd<'fd, F>> {
    fn list(&mut self) -> &mut [PollFd<'fd, F>] {
        self
    }
}

// (3)
const _: () = {
    use crate::HostFds;
    assert!(size_of::<PollFd<'_, HostFds>>() == size_of::<libc::pollfd>());
    assert!(offset_of!(PollFd<'_, HostFds>, number) == offset_of!(libc::pollfd, fd));
    assert!(offset_of!(PollFd<'_, HostFds>, events) == offset_of!(libc::pollfd, events));
    assert!(offset_of!(PollFd<'_, HostFds>, revents) == offset_of!(libc::pollfd, revents));
};
