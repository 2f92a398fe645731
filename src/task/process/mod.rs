//! Processes: ids, groups, sessions, signals, pidfds and waits.
//!
//! # Safety
//!
//! 1. A pidfd in a call is of the task's own table and stays open for the call.
//! 2. An fd that a call returns is new, open in the task's table and nobody else's.
//! 3. A wait that sees the end of a child leaves it for its handle to reap (`WNOWAIT`): no pid that a
//!    handle holds is freed.
//! 4. Every address in a call is lent, for as many bytes as the kernel writes there; it keeps none of
//!    them after the call.
//! 5. A signal is none of those that libc keeps to itself: [`Signal`] has no safe way to make them.
#![expect(unsafe_code, reason = "syscalls")]

mod event;

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use rustix::io::Errno;
use rustix::process::{Signal, WaitIdOptions};

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error};
use crate::near::{AsPgid, AsPid, AsTid, Pgid, Pid, Sid, Tid};

use super::DrivenTask;
use super::arguments::{
    Plain, call, known, near, pgid_of, pid_of, positive, received, tid_of, with_out,
};
use super::driven::transition::Token;

pub use event::ChildEvent;

/// Calls on processes.
///
/// # Numbers of processes
///
/// A pid is checked to be of the task's own pid namespace, and is never 0 or negative, which the kernel
/// takes for whole groups or everybody. It is still only a number: between learning it and using it,
/// the process may have been reaped and its number given to a stranger. It is safe for a child that
/// nobody has waited for, as a driven task or a [`ChildProcess`](crate::ChildProcess) that still exists.
/// For all others there is [`pidfd_open`](Self::pidfd_open) with
/// [`pidfd_send_signal`](Self::pidfd_send_signal).
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
    #[inline(always)]
    fn getpid(&self) -> Result<Pid<Self::PidNamespace>, Error> {
        // SAFETY: no arguments.
        let pid = positive(Call::GETPID, unsafe { call(self, Call::GETPID, []) }?)?;
        Ok(Pid::asserted(pid).expect("it is positive"))
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

    /// `gettid()`—the number of the thread that makes the task's calls, as it sees it itself.
    ///
    /// On a driven task, which is a process with one thread, the number of its pid.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`gettid(2)`](https://man7.org/linux/man-pages/man2/gettid.2.html)
    #[inline(always)]
    fn gettid(&self) -> Result<Tid<Self::PidNamespace>, Error> {
        // SAFETY: no arguments.
        let thread = positive(Call::GETTID, unsafe { call(self, Call::GETTID, []) }?)?;
        Ok(Tid::asserted(thread).expect("it is positive"))
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

    /// `getpgid(pid)`—the process group of a process; `None` if it is not visible in the task's pid
    /// namespace.
    ///
    /// Checked: `pid` is of this task's pid namespace. See [above](Self#numbers-of-processes) on
    /// strangers.
    ///
    /// # Errors
    ///
    /// Of `getpgid`: `ESRCH`.
    ///
    /// # References
    ///
    /// [`getpgid(2)`](https://man7.org/linux/man-pages/man2/getpgid.2.html)
    fn getpgid(
        &self,
        pid: impl AsPid<Self::PidNamespace>,
    ) -> Result<Option<Pgid<Self::PidNamespace>>, Error> {
        // SAFETY: takes a number only.
        let group = unsafe { call(self, Call::GETPGID, [pid_of(self, Call::GETPGID, &pid)?]) }?;
        Ok(Pgid::asserted(group as c_int))
    }

    /// `setpgid(0, group)`—moves the task to another process group of its session.
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
    /// let group = first.setpgrp()?;
    /// second.setpgid(group)?;
    /// assert_eq!(second.getpgrp()?, Some(group));
    /// assert_ne!(here.getpgrp()?, Some(group));
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
    fn setpgid(&self, group: impl AsPgid<Self::PidNamespace>) -> Result<(), Error> {
        let group = pgid_of(self, Call::SETPGID, &group)?;
        // SAFETY: takes numbers only.
        unsafe { call(self, Call::SETPGID, [0, group]) }.map(drop)
    }

    /// `setpgid(0, 0)`—makes the task the leader of a new process group of its session, with its own pid
    /// as the number. On the calling thread this moves the whole process.
    ///
    /// # Errors
    ///
    /// Of `setpgid`: `EPERM` if the task leads the session.
    ///
    /// # References
    ///
    /// [`setpgid(2)`](https://man7.org/linux/man-pages/man2/setpgid.2.html)
    fn setpgrp(&self) -> Result<Pgid<Self::PidNamespace>, Error> {
        // SAFETY: takes numbers only.
        unsafe { call(self, Call::SETPGID, [0, 0]) }?;
        Ok(Pgid::asserted(self.pid().as_raw()).expect("a pid is positive"))
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
    #[doc(alias = "getsid")]
    fn getsid_own(&self) -> Result<Option<Sid<Self::PidNamespace>>, Error> {
        // SAFETY: no pointer.
        let session = unsafe { call(self, Call::GETSID, [0]) }?;
        Ok(Sid::asserted(session as c_int))
    }

    /// `getsid(pid)`—the session of a process; `None` if it is not visible in the task's pid namespace.
    ///
    /// Checked: `pid` is of this task's pid namespace. See [above](Self#numbers-of-processes) on
    /// strangers.
    ///
    /// # Errors
    ///
    /// Of `getsid`: `ESRCH`.
    ///
    /// # References
    ///
    /// [`getsid(2)`](https://man7.org/linux/man-pages/man2/getsid.2.html)
    fn getsid(
        &self,
        pid: impl AsPid<Self::PidNamespace>,
    ) -> Result<Option<Sid<Self::PidNamespace>>, Error> {
        // SAFETY: takes a number only.
        let session = unsafe { call(self, Call::GETSID, [pid_of(self, Call::GETSID, &pid)?]) }?;
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
    /// assert_eq!(child.getsid_own()?, Some(session));
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
        let session = positive(Call::SETSID, unsafe { call(self, Call::SETSID, []) }?)?;
        Ok(Sid::asserted(session).expect("it is positive"))
    }

    /// `pidfd_open(pid, 0)`—an fd that refers to a process, and to no other that gets its pid later.
    ///
    /// Checked: `pid` is of this task's pid namespace. Between learning a pid and opening it, the
    /// process may be replaced by another, unless it is a child that nobody has waited for yet.
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
    fn pidfd_open(&self, pid: impl AsPid<Self::PidNamespace>) -> Result<Fd<Self::FdTable>, Error> {
        let pid = pid_of(self, Call::PIDFD_OPEN, &pid)?;
        // SAFETY: takes numbers only.
        let number = unsafe { call(self, Call::PIDFD_OPEN, [pid, 0]) }?;
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
        let arguments =
            [near(self, Call::PIDFD_SEND_SIGNAL, &pidfd)?, signal.as_raw() as usize, 0, 0];
        // SAFETY: (1), (5); no `siginfo`.
        unsafe { call(self, Call::PIDFD_SEND_SIGNAL, arguments) }.map(drop)
    }

    /// `kill(pid, signal)`—signals a process.
    ///
    /// Checked: `pid` is of this task's pid namespace. It may be a stranger's by now, see
    /// [above](Self#numbers-of-processes); [`pidfd_send_signal`](Self::pidfd_send_signal) is the call
    /// that is always safe from that.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// here.kill(child.pid(), Signal::KILL)?;
    /// assert!(child.getpid().is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `kill`: `ESRCH`, `EPERM`.
    ///
    /// # References
    ///
    /// [`kill(2)`](https://man7.org/linux/man-pages/man2/kill.2.html)
    fn kill(&self, pid: impl AsPid<Self::PidNamespace>, signal: Signal) -> Result<(), Error> {
        let arguments = [pid_of(self, Call::KILL, &pid)?, signal.as_raw() as usize];
        // SAFETY: (5); takes numbers only.
        unsafe { call(self, Call::KILL, arguments) }.map(drop)
    }

    /// `kill(-group, signal)`—signals every process of a process group.
    ///
    /// Checked: `group` is of this task's pid namespace. Its number may be a stranger's by now, as that
    /// of a [process](Self#numbers-of-processes), if it has lost its last member.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (first, second) = (here.spawn()?, here.spawn()?);
    /// let group = first.setpgrp()?;
    /// second.setpgid(group)?;
    /// here.killpg(group, Signal::KILL)?;
    /// assert!(first.getpid().is_err() && second.getpid().is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL`, of this library, for the group 1: the kernel would take that for every process there
    /// is. Of `kill`: `ESRCH`, `EPERM` if none of them may be signalled.
    ///
    /// # References
    ///
    /// [`killpg(3)`](https://man7.org/linux/man-pages/man3/killpg.3.html),
    /// [`kill(2)`](https://man7.org/linux/man-pages/man2/kill.2.html)
    fn killpg(&self, group: impl AsPgid<Self::PidNamespace>, signal: Signal) -> Result<(), Error> {
        let group = pgid_of(self, Call::KILL, &group)? as c_int;
        if group == 1 {
            return Err(Error::os(Call::KILL, Errno::INVAL));
        }
        // SAFETY: (5); takes numbers only.
        unsafe { call(self, Call::KILL, [-group as usize, signal.as_raw() as usize]) }.map(drop)
    }

    /// `tgkill(pid, tid, signal)`—signals a thread of a process.
    ///
    /// A signal that kills or stops does that to the whole process. Checked: `pid` and `tid` are of this
    /// task's pid namespace. They may be a stranger's by now, see [above](Self#numbers-of-processes):
    /// also in a process that is still the same, a thread may have ended and another have its number.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// child.tgkill(here.getpid()?, here.gettid()?, Signal::CONT)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `tgkill`: `ESRCH`, also if the thread is not of that process, `EPERM`.
    ///
    /// # References
    ///
    /// [`tgkill(2)`](https://man7.org/linux/man-pages/man2/tgkill.2.html)
    fn tgkill(
        &self,
        pid: impl AsPid<Self::PidNamespace>,
        tid: impl AsTid<Self::PidNamespace>,
        signal: Signal,
    ) -> Result<(), Error> {
        let [pid, tid] = [pid_of(self, Call::TGKILL, &pid)?, tid_of(self, Call::TGKILL, &tid)?];
        let arguments = [pid, tid, signal.as_raw() as usize];
        // SAFETY: (5); takes numbers only.
        unsafe { call(self, Call::TGKILL, arguments) }.map(drop)
    }

    /// `pidfd_getfd(pidfd of owner, fd, 0)`—a copy of an fd of another task's table, in this one's.
    ///
    /// Checked: `fd` is of `owner`'s fd table. The pidfd is the one by which this library holds `owner`,
    /// so the two belong together, whatever has happened to `owner`'s pid, and whatever namespace that is
    /// of. It is in this program's table: so this task has to live there too. The way in the other
    /// direction is [`unshare_files`](super::UnshareFilesTask::unshare_files), or a Unix socket:
    /// [`send_fds`](super::SocketMessageTask::send_fds).
    ///
    /// The copy is close-on-exec, and shares offset and status flags with the original.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// brand!(private_fds);
    /// let (child, ()) = here.spawn_with_files(private_fds, ())?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// let reader = here.pidfd_getfd(&child, &reader)?;
    /// child.write(&writer, b"hello")?;
    /// assert_eq!(here.read(&reader, &mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `pidfd_getfd`: `ESRCH` if `owner` is dead, `EMFILE`, `EPERM` if it may not be traced: it has
    /// changed its ids, or this program is not dumpable.
    ///
    /// # References
    ///
    /// [`pidfd_getfd(2)`](https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html)
    fn pidfd_getfd<O: DrivenTask>(
        &self,
        owner: &O,
        fd: impl AsFd<O::FdTable>,
    ) -> Result<Fd<Self::FdTable>, Error>
    where
        Self::FdTable: far::HoldsTasks,
    {
        let pidfd = owner.driver(Token(())).process().pidfd().as_raw_fd();
        let arguments = [pidfd as usize, near(owner, Call::PIDFD_GETFD, &fd)?, 0];
        // SAFETY: (1): the pidfd is of this program's table, as the task is.
        let number = unsafe { call(self, Call::PIDFD_GETFD, arguments) }?;
        // SAFETY: (2)
        unsafe { received(self, number) }
    }

    /// `pidfd_getfd(pidfd, number, 0)`—a copy of an fd of any process, in this task's table.
    ///
    /// Checked: `pidfd` is of this task's fd table. The number is not.
    ///
    /// # Safety
    ///
    /// If the process runs code that relies on I/O safety, as this program does: the owner of the
    /// slot `number` agrees to there being a copy, as with
    /// [`BorrowedFd::borrow_raw`](std::os::fd::BorrowedFd::borrow_raw). In a program that does not, there
    /// is nothing to promise.
    ///
    /// # Errors
    ///
    /// Of `pidfd_getfd`: `EBADF` if one of the two is not open, `ESRCH`, `EMFILE`, `EPERM` if the process
    /// may not be traced.
    ///
    /// # References
    ///
    /// [`pidfd_getfd(2)`](https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html)
    unsafe fn pidfd_getfd_raw(
        &self,
        pidfd: impl AsFd<Self::FdTable>,
        number: c_int,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let arguments = [near(self, Call::PIDFD_GETFD, &pidfd)?, number as usize, 0];
        // SAFETY: (1)
        let number = unsafe { call(self, Call::PIDFD_GETFD, arguments) }?;
        // SAFETY: (2)
        unsafe { received(self, number) }
    }

    /// `waitid(P_PIDFD, pidfd, options)`—waits until a child of the task has ended, been stopped or
    /// continued, as `options` say, without reaping it.
    ///
    /// `None` is for [`NOHANG`](WaitIdOptions::NOHANG): nothing of that has happened. A child that has
    /// ended is left for its handle to reap, and so with [`EXITED`](WaitIdOptions::EXITED) whatever is
    /// found can be found again (`WNOWAIT`). Without `EXITED`, a stop or a continuation is found once,
    /// unless [`NOWAIT`](WaitIdOptions::NOWAIT) says otherwise.
    ///
    /// Checked: `pidfd` is of this task's fd table. Every task is a child of this process, also one that
    /// a driven task has spawned: ask [`Task::here`](super::Task::here). But what the init of a pid namespace
    /// spawns is the init's, and nobody waits for it here.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::ChildEvent;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let process = here.spawn()?.program(&Program::new("false")).exec()?;
    /// let event = here.waitid(&process, WaitIdOptions::EXITED)?;
    /// assert_eq!(event, Some(ChildEvent::Exited(1)));
    /// assert_eq!(process.wait()?.code(), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `waitid`: `ECHILD` if the process is not a child of this task, `EBADF` if it is not a
    /// pidfd, `EINVAL` if there is nothing to wait for in `options`, `EINTR`;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags).
    ///
    /// # References
    ///
    /// [`waitid(2)`](https://man7.org/linux/man-pages/man2/waitid.2.html)
    #[doc(alias = "wait")]
    #[doc(alias = "waitpid")]
    fn waitid(
        &self,
        pidfd: impl AsFd<Self::FdTable>,
        options: WaitIdOptions,
    ) -> Result<Option<ChildEvent>, Error> {
        let options = known(Call::WAITID, options.bits(), WAIT_OPTIONS.bits())?;
        let reaps = options & libc::WEXITED as usize != 0;
        let left = if reaps { libc::WNOWAIT as usize } else { 0 };
        let options = options | libc::__WALL as usize | left;
        let pidfd = near(self, Call::WAITID, &pidfd)?;
        let info: libc::siginfo_t = with_out(self, |info| {
            let arguments = [libc::P_PIDFD as usize, pidfd, info, options, 0];
            // SAFETY: (1), (3), (4); no `rusage`.
            unsafe { call(self, Call::WAITID, arguments) }
        })?;
        if info.si_signo == 0 {
            return Ok(None);
        }
        // SAFETY: the kernel has filled it in for a child.
        let status = unsafe { info.si_status() };
        Ok(ChildEvent::from_siginfo(info.si_code, status))
    }
}

/// Those that change neither which children are seen nor what is done to them.
const WAIT_OPTIONS: WaitIdOptions = WaitIdOptions::EXITED
    .union(WaitIdOptions::STOPPED)
    .union(WaitIdOptions::CONTINUED)
    .union(WaitIdOptions::NOHANG)
    .union(WaitIdOptions::NOWAIT);

impl<K: far::Task + ?Sized> ProcessTask for K {}

// SAFETY: a C struct of integers; what it holds as pointers is read as such by nobody.
unsafe impl Plain for libc::siginfo_t {}
