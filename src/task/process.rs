//! Processes: ids, groups, sessions, and pidfds.
//!
//! # Safety
//!
//! 1. A pidfd in a call is of the task's own table and stays open for the call.
//! 2. An fd that a call returns is new, open in the task's table and nobody else's.
//! 3. A wait leaves the child for its handle to reap (`WNOWAIT`): no pid that a handle holds is freed.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;

use rustix::process::Signal;

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error};
use crate::near::{Pgid, Pid, Sid};

use super::arguments::{call, near, received};

/// Calls on processes.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait ProcessTask: far::Task {
    /// `getpid()`—the task's pid, as it sees it itself.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getpid(2)`](https://man7.org/linux/man-pages/man2/getpid.2.html)
    #[inline]
    fn getpid(&self) -> Result<Pid<Self::PidNamespace>, Error> {
        // SAFETY: no arguments.
        let pid = unsafe { call(self, Call::GETPID, []) }?;
        Ok(Pid::asserted(pid as c_int).expect("a process has a pid in its own namespace"))
    }

    /// `getppid()`—the pid of the task's parent; `None` if it is not visible in the task's pid
    /// namespace.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getppid(2)`](https://man7.org/linux/man-pages/man2/getppid.2.html)
    fn getppid(&self) -> Result<Option<Pid<Self::PidNamespace>>, Error> {
        // SAFETY: no arguments.
        let pid = unsafe { call(self, Call::GETPPID, []) }?;
        Ok(Pid::asserted(pid as c_int))
    }

    /// `getpgid(0)`—the task's process group; `None` if it is not visible in the task's pid
    /// namespace.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getpgrp(2)`](https://man7.org/linux/man-pages/man2/getpgid.2.html)
    #[doc(alias = "getpgid")]
    fn getpgrp(&self) -> Result<Option<Pgid<Self::PidNamespace>>, Error> {
        // SAFETY: no pointer.
        let group = unsafe { call(self, Call::GETPGID, [0]) }?;
        Ok(Pgid::asserted(group as c_int))
    }

    /// `setpgid(0, group)`—moves the task to another process group of its session; `None` is a new group
    /// of its own.
    ///
    /// Checked: `group` is of this task's pid namespace. Between learning a group and joining it, it may
    /// have ended and another have its number, but only one of the same session can be joined. On the
    /// calling thread this moves the whole process.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (first, second) = (here.spawn()?, here.spawn()?);
    /// first.setpgid(None)?;
    /// let group = first.getpgrp()?;
    /// second.setpgid(group)?;
    /// assert_eq!(second.getpgrp()?, group);
    /// assert_ne!(here.getpgrp()?, group);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `setpgid`: `EPERM` if the group is not in the task's session, or the task leads the session.
    ///
    /// # References
    ///
    /// [`setpgid(2)`](https://man7.org/linux/man-pages/man2/setpgid.2.html)
    #[doc(alias = "setpgrp")]
    fn setpgid(&self, group: Option<Pgid<Self::PidNamespace>>) -> Result<(), Error> {
        let group = group.map_or(0, Pgid::as_raw);
        // SAFETY: takes numbers only.
        unsafe { call(self, Call::SETPGID, [0, group as usize]) }.map(drop)
    }

    /// `getsid(0)`—the task's session; `None` if it is not visible in the task's pid namespace.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getsid(2)`](https://man7.org/linux/man-pages/man2/getsid.2.html)
    fn getsid(&self) -> Result<Option<Sid<Self::PidNamespace>>, Error> {
        // SAFETY: no pointer.
        let session = unsafe { call(self, Call::GETSID, [0]) }?;
        Ok(Sid::asserted(session as c_int))
    }

    /// `setsid()`—makes the task the leader of a new session and of a new process group, without a
    /// controlling terminal.
    ///
    /// The next terminal that it opens without [`OFlags::NOCTTY`](rustix::fs::OFlags::NOCTTY) can become
    /// the controlling one; [`ioctl_tiocsctty`](super::TerminalTask::ioctl_tiocsctty) does it on
    /// purpose. On the calling thread this moves the whole process.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let session = child.setsid()?;
    /// assert_eq!(session.as_raw(), child.pid().as_raw());
    /// assert_eq!(child.getsid()?, Some(session));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `setsid`: `EPERM` if the task leads a process group already.
    ///
    /// # References
    ///
    /// [`setsid(2)`](https://man7.org/linux/man-pages/man2/setsid.2.html)
    fn setsid(&self) -> Result<Sid<Self::PidNamespace>, Error> {
        // SAFETY: no arguments.
        let session = unsafe { call(self, Call::SETSID, []) }?;
        Ok(Sid::asserted(session as c_int).expect("a leader sees its own session"))
    }

    /// `pidfd_open(pid, 0)`—an fd that refers to a process, and to no other that gets its pid later.
    ///
    /// Checked: `pid` is of this task's pid namespace. Between learning a pid and opening it, the
    /// process may be replaced by another; only for a child that nobody has waited for it cannot.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// let pidfd = here.pidfd_open(child.pid())?;
    /// here.pidfd_send_signal(&pidfd, Signal::KILL)?;
    /// assert!(child.getpid().is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `pidfd_open`: `ESRCH`, `EMFILE`.
    ///
    /// # References
    ///
    /// [`pidfd_open(2)`](https://man7.org/linux/man-pages/man2/pidfd_open.2.html)
    fn pidfd_open(&self, pid: Pid<Self::PidNamespace>) -> Result<Fd<Self::FdTable>, Error> {
        // SAFETY: takes numbers only.
        let number = unsafe { call(self, Call::PIDFD_OPEN, [pid.as_raw() as usize, 0]) }?;
        // SAFETY: (2)
        unsafe { received(self, number) }
    }

    /// `pidfd_send_signal(pidfd, signal)`—signals the process that the pidfd refers to.
    ///
    /// Checked: `pidfd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `pidfd_send_signal`: `ESRCH` if the process is gone, `EPERM`, `EBADF` if it is not a pidfd.
    ///
    /// # References
    ///
    /// [`pidfd_send_signal(2)`](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html)
    #[doc(alias = "kill")]
    fn pidfd_send_signal(
        &self,
        pidfd: impl AsFd<Self::FdTable>,
        signal: Signal,
    ) -> Result<(), Error> {
        let arguments = [near(self, &pidfd), signal.as_raw() as usize, 0, 0];
        // SAFETY: (1); no `siginfo`.
        unsafe { call(self, Call::PIDFD_SEND_SIGNAL, arguments) }.map(drop)
    }

    /// `waitid(P_PIDFD, pidfd, WEXITED | WNOWAIT)`—waits until a child of the task has ended, without
    /// reaping it.
    ///
    /// Checked: `pidfd` is of this task's fd table. Whoever holds the child's handle reaps it. Every
    /// task is a child of this process, also one that a driven task has spawned: ask
    /// [`Task::here`](super::Task::here).
    ///
    /// # Errors
    ///
    /// Of `waitid`: `ECHILD` if the process is not a child of this task, `EBADF` if it is not a
    /// pidfd.
    ///
    /// # References
    ///
    /// [`waitid(2)`](https://man7.org/linux/man-pages/man2/waitid.2.html)
    #[doc(alias = "wait")]
    fn waitid(&self, pidfd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        let options = libc::WEXITED | libc::WNOWAIT | libc::__WALL;
        let arguments = [libc::P_PIDFD as usize, near(self, &pidfd), 0, options as usize, 0];
        // SAFETY: (1), (3); no `siginfo`, no `rusage`.
        unsafe { call(self, Call::WAITID, arguments) }.map(drop)
    }
}

impl<K: far::Task + ?Sized> ProcessTask for K {}
