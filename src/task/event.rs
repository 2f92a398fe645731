//! Counters, timers and signals as fds.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps none
//!    of them after the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::fmt;
use std::hash::{Hash, Hasher};

use rustix::event::EventfdFlags;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Signal, Uid};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use crate::SignalSet;
use crate::brand::{Namespace, Of};
use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error, SIGSET_SIZE};
use crate::near::Pid;

use super::arguments::{Plain, call, known, near, received, with_out, with_slice_mut};

/// Calls that make fds of what happens, for [`ppoll`](super::PollTask::ppoll) and
/// [`epoll_pwait2`](super::EpollTask::epoll_pwait2) to wait for.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait EventTask: far::Task {
    /// `eventfd(initial, flags)`—a counter.
    ///
    /// `EFD_CLOEXEC` is always set.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// let counter = here.eventfd(0, EventfdFlags::empty())?;
    /// child.eventfd_write(&counter, 2)?;
    /// child.eventfd_write(&counter, 3)?;
    /// assert_eq!(here.eventfd_read(&counter)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `eventfd`: `EMFILE`, `ENFILE`, `ENOMEM`; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but
    /// `EFD_NONBLOCK`, `EFD_SEMAPHORE` and `EFD_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`eventfd(2)`](https://man7.org/linux/man-pages/man2/eventfd.2.html)
    #[doc(alias = "eventfd2")]
    fn eventfd(&self, initial: u32, flags: EventfdFlags) -> Result<Fd<Self::FdTable>, Error> {
        let allowed = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
        let flags = known(Call::EVENTFD2, flags.bits(), allowed.bits())?
            | EventfdFlags::CLOEXEC.bits() as usize;
        // SAFETY: (3); numbers.
        let number = unsafe { call(self, Call::EVENTFD2, [initial as usize, flags]) }?;
        // SAFETY: (4)
        unsafe { received(self, number) }
    }

    /// `read(counter, value)`—waits until a counter is not 0, returns it and makes it 0; a semaphore is
    /// counted down by one.
    ///
    /// Checked: `counter` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `read`: `EAGAIN` if it is 0 and `EFD_NONBLOCK`; `EINVAL` if what was read is no counter's value.
    ///
    /// # References
    ///
    /// [`eventfd(2)`](https://man7.org/linux/man-pages/man2/eventfd.2.html)
    fn eventfd_read(&self, counter: impl AsFd<Self::FdTable>) -> Result<u64, Error> {
        read_record(self, &counter)
    }

    /// `write(counter, value)`—adds to a counter, and waits while it would overflow.
    ///
    /// Checked: `counter` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `write`: `EAGAIN` if it would overflow and is `EFD_NONBLOCK`, `EINVAL` for 2⁶⁴ - 1.
    ///
    /// # References
    ///
    /// [`eventfd(2)`](https://man7.org/linux/man-pages/man2/eventfd.2.html)
    fn eventfd_write(&self, counter: impl AsFd<Self::FdTable>, value: u64) -> Result<(), Error> {
        with_slice_mut(self, &mut [value], |address| {
            let arguments = [near(self, Call::WRITE, &counter)?, address, size_of::<u64>()];
            // SAFETY: (1), (2)
            unsafe { call(self, Call::WRITE, arguments) }.map(drop)
        })
    }

    /// `timerfd_create(clock, flags)`—a timer, which is not set.
    ///
    /// `TFD_CLOEXEC` is always set.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let timer = here.timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::empty())?;
    /// let millisecond = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    /// let once = Itimerspec { it_interval: Timespec::default(), it_value: millisecond };
    /// here.timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    /// assert_eq!(here.timerfd_read(&timer)?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `timerfd_create`: `EMFILE`, `ENFILE`, `ENOMEM`; `EPERM` for a clock that wakes the system, without
    /// `CAP_WAKE_ALARM`; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but `TFD_NONBLOCK` and
    /// `TFD_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`timerfd_create(2)`](https://man7.org/linux/man-pages/man2/timerfd_create.2.html)
    fn timerfd_create(
        &self,
        clock: TimerfdClockId,
        flags: TimerfdFlags,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let allowed = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let flags = known(Call::TIMERFD_CREATE, flags.bits(), allowed.bits())?
            | TimerfdFlags::CLOEXEC.bits() as usize;
        // SAFETY: (3); numbers.
        let number = unsafe { call(self, Call::TIMERFD_CREATE, [clock as usize, flags]) }?;
        // SAFETY: (4)
        unsafe { received(self, number) }
    }

    /// `timerfd_settime(timer, flags, time)`—sets a timer, and returns how it was set before. A value of 0
    /// stops it, an interval of 0 lets it expire only once.
    ///
    /// Checked: `timer` is of this task's fd table. Times are from now on, or, with `TFD_TIMER_ABSTIME`, of the
    /// timer's clock.
    ///
    /// # Errors
    ///
    /// Of `timerfd_settime`: `EINVAL` if it is not a timer, or nanoseconds are not below 10⁹;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`timerfd_settime(2)`](https://man7.org/linux/man-pages/man2/timerfd_create.2.html)
    fn timerfd_settime(
        &self,
        timer: impl AsFd<Self::FdTable>,
        flags: TimerfdTimerFlags,
        time: &Itimerspec,
    ) -> Result<Itimerspec, Error> {
        let allowed = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        let flags = known(Call::TIMERFD_SETTIME, flags.bits(), allowed.bits())?;
        let time = libc::itimerspec {
            it_interval: c_time(time.it_interval),
            it_value: c_time(time.it_value),
        };
        let before = with_slice_mut(self, &mut [time], |time| {
            with_out(self, |before| {
                let arguments = [near(self, Call::TIMERFD_SETTIME, &timer)?, flags, time, before];
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::TIMERFD_SETTIME, arguments) }
            })
        })?;
        Ok(setting(before))
    }

    /// `timerfd_gettime(timer)`—when a timer will expire, from now on, and its interval.
    ///
    /// Checked: `timer` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `timerfd_gettime`: `EINVAL` if it is not a timer.
    ///
    /// # References
    ///
    /// [`timerfd_gettime(2)`](https://man7.org/linux/man-pages/man2/timerfd_create.2.html)
    fn timerfd_gettime(&self, timer: impl AsFd<Self::FdTable>) -> Result<Itimerspec, Error> {
        let time = with_out(self, |address| {
            // SAFETY: (1), (2)
            unsafe {
                call(
                    self,
                    Call::TIMERFD_GETTIME,
                    [near(self, Call::TIMERFD_GETTIME, &timer)?, address],
                )
            }
        })?;
        Ok(setting(time))
    }

    /// `read(timer, expirations)`—waits until a timer has expired, and returns how often it has since it was
    /// read or set.
    ///
    /// Checked: `timer` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `read`: `EAGAIN` if it has not and is `TFD_NONBLOCK`, `ECANCELED` if the clock was set
    /// (`TFD_TIMER_CANCEL_ON_SET`); `EINVAL` if what was read is no number of expirations.
    ///
    /// # References
    ///
    /// [`timerfd_create(2)`](https://man7.org/linux/man-pages/man2/timerfd_create.2.html)
    fn timerfd_read(&self, timer: impl AsFd<Self::FdTable>) -> Result<u64, Error> {
        read_record(self, &timer)
    }

    /// `signalfd(-1, signals, flags)`—an fd to read signals from.
    ///
    /// Checked: nothing; `SFD_CLOEXEC` is always set, `flags` are `O_NONBLOCK` or none. Whoever reads gets
    /// the signals that are pending for the reader, whoever has made the fd. Only a signal that is blocked is
    /// there to be read: in driven tasks all are, on the calling thread those that it has blocked. `SIGKILL`
    /// and `SIGSTOP` are never among them.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// let stop = SignalSet::of(&[Signal::INT, Signal::TERM]);
    /// let signals = child.signalfd(stop, OFlags::empty())?;
    /// let pidfd = here.pidfd_open(child.pid())?;
    /// here.pidfd_send_signal(&pidfd, Signal::TERM)?;
    /// let signal = child.signalfd_read(&signals)?;
    /// assert_eq!(signal.signal(), Some(Signal::TERM));
    /// assert_eq!(signal.sender_number(), here.pid().as_raw());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `signalfd`: `EMFILE`, `ENFILE`, `ENOMEM`; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but
    /// `O_NONBLOCK` and `O_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`signalfd(2)`](https://man7.org/linux/man-pages/man2/signalfd.2.html)
    #[doc(alias = "signalfd4")]
    fn signalfd(&self, signals: SignalSet, flags: OFlags) -> Result<Fd<Self::FdTable>, Error> {
        let allowed = OFlags::CLOEXEC | OFlags::NONBLOCK;
        known(Call::SIGNALFD4, flags.bits(), allowed.bits())?;
        // No fd: a new one.
        let none = -1_isize as usize;
        let number = signalfd4(self, none, signals, flags | OFlags::CLOEXEC)?;
        // SAFETY: (4)
        unsafe { received(self, number) }
    }

    /// `signalfd(fd, signals, 0)`—changes which signals can be read from a signalfd.
    ///
    /// Checked: `fd` is of this task's fd table. Every fd of the open file sees it, in whatever table.
    ///
    /// # Errors
    ///
    /// Of `signalfd`: `EINVAL` if it is not a signalfd.
    ///
    /// # References
    ///
    /// [`signalfd(2)`](https://man7.org/linux/man-pages/man2/signalfd.2.html)
    fn signalfd_set(&self, fd: impl AsFd<Self::FdTable>, signals: SignalSet) -> Result<(), Error> {
        signalfd4(self, near(self, Call::SIGNALFD4, &fd)?, signals, OFlags::empty()).map(drop)
    }

    /// `read(fd, signal)`—waits until a signal is pending for the task, and takes it.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `read`: `EAGAIN` if there is none and it is `O_NONBLOCK`; `EINVAL` if what was read is no signal.
    ///
    /// # References
    ///
    /// [`signalfd(2)`](https://man7.org/linux/man-pages/man2/signalfd.2.html)
    fn signalfd_read(
        &self,
        fd: impl AsFd<Self::FdTable>,
    ) -> Result<SignalInfo<Self::PidNamespace>, Error> {
        Ok(SignalInfo { record: read_record(self, &fd)?, _pids: Of::new() })
    }
}

impl<K: far::Task + ?Sized> EventTask for K {}

// SAFETY: a C struct of integers.
unsafe impl Plain for libc::itimerspec {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::signalfd_siginfo {}

/// Reads as many bytes as a record has; fewer are an error, as they are no such record.
fn read_record<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
) -> Result<T, Error> {
    with_out(task, |address| {
        // SAFETY: (1), (2)
        let length = unsafe {
            call(task, Call::READ, [near(task, Call::READ, fd)?, address, size_of::<T>()])
        }?;
        if length == size_of::<T>() { Ok(length) } else { Err(Error::os(Call::READ, Errno::INVAL)) }
    })
}

/// `fd` is a number of the task's table, or -1.
fn signalfd4<K: far::Task + ?Sized>(
    task: &K,
    fd: usize,
    signals: SignalSet,
    flags: OFlags,
) -> Result<usize, Error> {
    with_slice_mut(task, &mut [signals.bits()], |signals| {
        let arguments = [fd, signals, SIGSET_SIZE, flags.bits() as usize];
        // SAFETY: (1), (2), (3)
        unsafe { call(task, Call::SIGNALFD4, arguments) }
    })
}

const _: () = {
    assert!(libc::SFD_CLOEXEC == OFlags::CLOEXEC.bits() as c_int);
    assert!(libc::SFD_NONBLOCK == OFlags::NONBLOCK.bits() as c_int);
};

fn c_time(time: Timespec) -> libc::timespec {
    libc::timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_nsec }
}

fn setting(time: libc::itimerspec) -> Itimerspec {
    let time_of = |time: libc::timespec| Timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_nsec };
    Itimerspec { it_interval: time_of(time.it_interval), it_value: time_of(time.it_value) }
}

/// A signal that was read by a task of the pid namespace `P`: [`EventTask::signalfd_read`].
#[doc(alias = "signalfd_siginfo")]
pub struct SignalInfo<P> {
    record: libc::signalfd_siginfo,
    _pids: Of<P>,
}

impl<P> SignalInfo<P> {
    /// All that can be asked of it.
    fn told(&self) -> (i32, i32, i32, Uid, i32, i32) {
        (self.number(), self.code(), self.sender_number(), self.uid(), self.status(), self.value())
    }

    /// Which signal; `None` for a real-time one, which has only a [`number`](Self::number).
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        Signal::from_named_raw(self.number())
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.record.ssi_signo as i32
    }

    /// Why it was sent: `SI_USER`, `SI_QUEUE`, `CLD_EXITED`, ...
    #[doc(alias = "si_code")]
    #[must_use]
    pub fn code(&self) -> i32 {
        self.record.ssi_code
    }

    /// With `SIGCHLD` of the kernel, the child that it is about. `None` with every other signal: see
    /// [`sender_number`](Self::sender_number).
    #[doc(alias = "si_pid")]
    #[must_use]
    pub fn pid(&self) -> Option<Pid<P>> {
        let tells_of_child = (libc::CLD_EXITED..=libc::CLD_CONTINUED).contains(&self.code());
        let is_of_child = self.number() == libc::SIGCHLD && tells_of_child;
        Pid::asserted(self.sender_number()).filter(|_| is_of_child)
    }

    /// The number of the process that sent it, as that process calls itself: 0 if it was the kernel, or a process that
    /// is not visible in the pid namespace. With `SIGCHLD` of the kernel, that of the child: see [`pid`](Self::pid).
    ///
    /// That is no [`Pid`] of the namespace: who sends from a namespace inside of it has another number there, and the
    /// kernel does not say so. Nor does it stop anybody from lying with `SI_QUEUE`. Who knows that it is one asserts
    /// it: `near::Pid::asserted(signal.sender_number())`.
    #[doc(alias = "si_pid")]
    #[must_use]
    pub fn sender_number(&self) -> i32 {
        self.record.ssi_pid as i32
    }

    /// The user of that process, as the user namespace of the task that it was sent to sees it.
    #[doc(alias = "si_uid")]
    #[must_use]
    pub fn uid(&self) -> Uid {
        Uid::from_raw_unchecked(self.record.ssi_uid)
    }

    /// With `SIGCHLD`, the exit status, or the signal that the child was ended or stopped by.
    #[doc(alias = "si_status")]
    #[must_use]
    pub fn status(&self) -> i32 {
        self.record.ssi_status
    }

    /// What was sent along (`SI_QUEUE`).
    #[doc(alias = "si_value")]
    #[must_use]
    pub fn value(&self) -> i32 {
        self.record.ssi_int
    }
}

impl<P> Clone for SignalInfo<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for SignalInfo<P> {}

/// Whether all that can be asked of the two is the same.
impl<P> PartialEq for SignalInfo<P> {
    fn eq(&self, other: &Self) -> bool {
        self.told() == other.told()
    }
}

impl<P> Eq for SignalInfo<P> {}

impl<P> Hash for SignalInfo<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.told().hash(state);
    }
}

impl<P: Namespace> fmt::Debug for SignalInfo<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalInfo")
            .field("number", &self.number())
            .field("code", &self.code())
            .field("pid", &self.pid())
            .field("sender_number", &self.sender_number())
            .field("uid", &self.uid())
            .finish_non_exhaustive()
    }
}
