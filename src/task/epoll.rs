//! Waiting for many fds.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, with its length; the kernel keeps none of them after the call. It
//!    keeps tokens, which it does not look at.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::fmt;
use std::mem::offset_of;
use std::time::Duration;

use rustix::event::epoll::EventFlags;

use crate::far;
use crate::handle::{AsEpoll, AsFd, Epoll};
use crate::interface::{Call, Error};

use super::arguments::{Plain, call, known, near, received, with_slice_mut, with_timeout, within};

/// Calls on epoll instances.
///
/// What is watched is of the instance's own fd table: nothing else can be added. Events say which fd they
/// are of by a token that was chosen when it was added, and not by a number, which may be another's by then.
///
/// An open file is watched until it is closed everywhere, and not only where it was added: as long as a
/// copy is open, in whatever table, its events arrive. So take out what shares its open file before it
/// is dropped.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait EpollTask: far::Task {
    /// `epoll_create1(EPOLL_CLOEXEC)`—an epoll instance.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// const LOG: u64 = 1;
    /// let child = Task::here().spawn()?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// let epoll = child.epoll_create1()?;
    /// child.epoll_ctl_add(&epoll, &reader, LOG, epoll::EventFlags::IN)?;
    /// child.write(&writer, b"hello")?;
    /// for event in child.epoll_pwait2(&epoll, &mut [EpollEvent::default(); 8], None)? {
    ///     assert_eq!(event.token(), LOG);
    ///     assert_eq!(event.flags(), epoll::EventFlags::IN);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `epoll_create1`: `EMFILE`, `ENFILE`, `ENOMEM`.
    ///
    /// # References
    ///
    /// [`epoll_create1(2)`](https://man7.org/linux/man-pages/man2/epoll_create.2.html)
    #[doc(alias = "epoll_create")]
    fn epoll_create1(&self) -> Result<Epoll<Self::FdTable>, Error> {
        // SAFETY: a number.
        let number = unsafe { call(self, Call::EPOLL_CREATE1, [libc::EPOLL_CLOEXEC as usize]) }?;
        // SAFETY: (4)
        unsafe { received(self, number) }.map(Epoll::from)
    }

    /// `epoll_ctl(epoll, EPOLL_CTL_ADD, fd, event)`—watches an fd. Its events carry `token`.
    ///
    /// Checked: both are of this task's fd table. `fd` can be another epoll instance. Lend it: one that is given away is
    /// closed after the call, and watched no longer.
    ///
    /// # Errors
    ///
    /// Of `epoll_ctl`: `EEXIST` if it is watched already, `EPERM` if it is a file or directory, `ELOOP` if
    /// instances would watch each other in a circle; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this
    /// library does not know.
    ///
    /// # References
    ///
    /// [`epoll_ctl(2)`](https://man7.org/linux/man-pages/man2/epoll_ctl.2.html)
    #[doc(alias = "EPOLL_CTL_ADD")]
    #[doc(alias = "epoll_ctl")]
    fn epoll_ctl_add(
        &self,
        epoll: impl AsEpoll<Self::FdTable>,
        fd: impl AsFd<Self::FdTable>,
        token: u64,
        flags: EventFlags,
    ) -> Result<(), Error> {
        control(self, &epoll, libc::EPOLL_CTL_ADD, &fd, token, flags)
    }

    /// `epoll_ctl(epoll, EPOLL_CTL_MOD, fd, event)`—changes token and flags of an fd that is watched, and
    /// watches it again after an `EPOLLONESHOT`.
    ///
    /// Checked: both are of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `epoll_ctl`: `ENOENT` if it is not watched; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this
    /// library does not know.
    ///
    /// # References
    ///
    /// [`epoll_ctl(2)`](https://man7.org/linux/man-pages/man2/epoll_ctl.2.html)
    #[doc(alias = "EPOLL_CTL_MOD")]
    fn epoll_ctl_mod(
        &self,
        epoll: impl AsEpoll<Self::FdTable>,
        fd: impl AsFd<Self::FdTable>,
        token: u64,
        flags: EventFlags,
    ) -> Result<(), Error> {
        control(self, &epoll, libc::EPOLL_CTL_MOD, &fd, token, flags)
    }

    /// `epoll_ctl(epoll, EPOLL_CTL_DEL, fd)`—watches an fd no more.
    ///
    /// Checked: both are of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `epoll_ctl`: `ENOENT` if it is not watched.
    ///
    /// # References
    ///
    /// [`epoll_ctl(2)`](https://man7.org/linux/man-pages/man2/epoll_ctl.2.html)
    #[doc(alias = "EPOLL_CTL_DEL")]
    fn epoll_ctl_del(
        &self,
        epoll: impl AsEpoll<Self::FdTable>,
        fd: impl AsFd<Self::FdTable>,
    ) -> Result<(), Error> {
        control(self, &epoll, libc::EPOLL_CTL_DEL, &fd, 0, EventFlags::empty())
    }

    /// `epoll_pwait2(epoll, events, timeout, NULL)`—waits until something has happened, but no longer than
    /// `timeout`; returns those of `events` that it has filled in.
    ///
    /// Checked: `epoll` is of this task's fd table. `None` waits for ever, zero does not wait. What does not
    /// fit into `events` is told by the next call. The signal mask stays as it is.
    ///
    /// # Errors
    ///
    /// Of `epoll_pwait2`: `EINTR` if a signal handler ran meanwhile, `EINVAL` if `events` is empty.
    ///
    /// # References
    ///
    /// [`epoll_pwait2(2)`](https://man7.org/linux/man-pages/man2/epoll_wait.2.html)
    #[doc(alias = "epoll_wait")]
    #[doc(alias = "epoll_pwait")]
    fn epoll_pwait2<'events>(
        &self,
        epoll: impl AsEpoll<Self::FdTable>,
        events: &'events mut [EpollEvent],
        timeout: Option<Duration>,
    ) -> Result<&'events [EpollEvent], Error> {
        let room = events.len().min(MOST);
        let count = with_timeout(self, timeout, |timeout| {
            with_slice_mut(self, events, |events| {
                let arguments =
                    [near(self, Call::EPOLL_PWAIT2, &epoll)?, events, room, timeout, 0, 0];
                // SAFETY: (1), (2)
                unsafe { call(self, Call::EPOLL_PWAIT2, arguments) }
            })
        })?;
        Ok(&events[..within(Call::EPOLL_PWAIT2, count, room)?])
    }
}

impl<K: far::Task + ?Sized> EpollTask for K {}

fn control<K: far::Task + ?Sized>(
    task: &K,
    epoll: &impl AsEpoll<K::FdTable>,
    operation: c_int,
    fd: &impl AsFd<K::FdTable>,
    token: u64,
    flags: EventFlags,
) -> Result<(), Error> {
    known(Call::EPOLL_CTL, flags.bits(), KNOWN.bits())?;
    let mut event = [EpollEvent { flags: flags.bits(), token }];
    with_slice_mut(task, &mut event, |event| {
        let arguments = [
            near(task, Call::EPOLL_CTL, epoll)?,
            operation as usize,
            near(task, Call::EPOLL_CTL, fd)?,
            event,
        ];
        // SAFETY: (1), (2), (3)
        unsafe { call(task, Call::EPOLL_CTL, arguments) }.map(drop)
    })
}

/// As many events as the kernel takes, and some fewer: their bytes are counted in an `int`.
const MOST: usize = c_int::MAX as usize / 16;

const KNOWN: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::PRI)
    .union(EventFlags::ERR)
    .union(EventFlags::HUP)
    .union(EventFlags::RDNORM)
    .union(EventFlags::RDBAND)
    .union(EventFlags::WRNORM)
    .union(EventFlags::WRBAND)
    .union(EventFlags::MSG)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET)
    .union(EventFlags::ONESHOT)
    .union(EventFlags::WAKEUP)
    .union(EventFlags::EXCLUSIVE);

/// What has happened to something that is watched: [`EpollTask::epoll_pwait2`].
#[doc(alias = "epoll_event")]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, packed)]
pub struct EpollEvent {
    flags: u32,
    token: u64,
}

impl EpollEvent {
    /// What it was added with.
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// What has happened.
    #[must_use]
    pub const fn flags(&self) -> EventFlags {
        EventFlags::from_bits_retain(self.flags)
    }
}

impl fmt::Debug for EpollEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpollEvent({}, {:?})", self.token(), self.flags())
    }
}

// SAFETY: integers.
unsafe impl Plain for EpollEvent {}
const _: () = {
    assert!(size_of::<EpollEvent>() == size_of::<libc::epoll_event>());
    assert!(offset_of!(EpollEvent, flags) == offset_of!(libc::epoll_event, events));
    assert!(offset_of!(EpollEvent, token) == offset_of!(libc::epoll_event, u64));
};
