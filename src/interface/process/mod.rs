//! A child process, held by its pidfd.
//!
//! # Safety
//!
//! 1. A signal's call passes numbers alone.
#![expect(unsafe_code, reason = "calls that rustix does not have, or not in this form")]

mod end;
mod pidfd;
mod told;

pub(crate) use told::{OpenNamespace, own_pid};

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};

use self::end::{Ended, Inside};
use self::pidfd::{pid_here, poll_pidfd, waitid_pidfd};
use super::memory::copy_above_stdio;
use super::{Call, Error, ErrorKind, Generation};
use crate::brand::HostPids;
use crate::near::Pid;

/// How long a drop waits at most for the end of a child that it has killed, or asked to exit.
pub(crate) const MOURNING: Duration = Duration::from_millis(200);

/// How long after a look at an init that has not ended there is another one, at most.
pub(crate) const LATER: Duration = Duration::from_millis(50);

/// A child of this process: a pidfd in the host's table, close-on-exec and never 0, 1 or 2.
#[derive(Debug)]
pub(crate) struct Process {
    pidfd: OwnedFd,
    pid: Pid<HostPids>,
    made_by: Generation,
    parent: Parent,
    reaped: AtomicBool,
    /// Where it lives, if that is not this process's pid namespace.
    inside: OnceLock<Box<Inside>>,
    /// What was to be known of it, if it had to be reaped before anybody asked.
    ended: Mutex<Option<Ended>>,
}

/// Who is told of the end of a process, and reaps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// This process.
    Us,
    /// A driven init, which ignores it: the kernel does.
    Init,
}

impl Process {
    /// Takes over the pidfd that the kernel has put at `number`.
    ///
    /// # Safety
    ///
    /// The slot is this process's own, just filled by `clone3` or `pidfd_getfd`.
    pub(super) unsafe fn from_pidfd(number: c_int, pid: c_int) -> Self {
        // SAFETY: by this function's contract.
        let pidfd = unsafe { OwnedFd::from_raw_fd(number) };
        let pid = Pid::asserted(pid).expect("the kernel returned a pid");
        Process::new(pidfd, pid, Parent::Us)
    }

    /// The same, of a process that was spawned in another pid namespace, where its pid is another. A hangup of
    /// `clone3` says that it has ended by now.
    ///
    /// # Safety
    ///
    /// As [`from_pidfd`](Self::from_pidfd).
    pub(super) unsafe fn from_foreign_pidfd(number: c_int, parent: Parent) -> Result<Self, Error> {
        // SAFETY: by this function's contract.
        let pidfd = unsafe { OwnedFd::from_raw_fd(number) };
        match pid_here(&pidfd) {
            Some(pid) => Ok(Process::new(pidfd, pid, parent)),
            None => match poll_pidfd(&pidfd, PollFlags::IN, Some(Duration::ZERO)) {
                Ok(true) => Err(Error::new(Call::CLONE3, ErrorKind::Hangup)),
                _ => Err(Error::os(Call::IOCTL, Errno::SRCH)),
            },
        }
    }

    fn new(pidfd: OwnedFd, pid: Pid<HostPids>, parent: Parent) -> Self {
        let (reaped, inside, ended) = (AtomicBool::new(false), OnceLock::new(), Mutex::new(None));
        Process { pidfd, pid, made_by: Generation::current(), parent, reaped, inside, ended }
    }

    /// Moves the pidfd out of the way of 0, 1 and 2, which a new table gets without being told.
    pub(super) fn move_above_stdio(&mut self) -> Result<(), Error> {
        if self.pidfd.as_raw_fd() <= 2 {
            self.pidfd =
                copy_above_stdio(&self.pidfd).map_err(|errno| Error::os(Call::FCNTL, errno))?;
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> Pid<HostPids> {
        self.pid
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Whether it is this process's child, and not that of the one this was forked from.
    pub(crate) fn is_ours(&self) -> bool {
        self.made_by.is_current()
    }

    pub(super) fn parent(&self) -> Parent {
        self.parent
    }

    pub(crate) fn is_reaped(&self) -> bool {
        self.reaped.load(Ordering::Acquire)
    }

    pub(crate) fn send_signal(&self, signal: Signal) -> Result<(), Error> {
        pidfd_send_signal(&self.pidfd, signal)
            .map_err(|errno| Error::os(Call::PIDFD_SEND_SIGNAL, errno))
    }

    /// Signals every process of the group that it leads.
    pub(crate) fn send_signal_to_group(&self, signal: Signal) -> Result<(), Error> {
        const PIDFD_SIGNAL_PROCESS_GROUP: u32 = 1 << 2;
        let pidfd = self.pidfd.as_raw_fd();
        let signal = signal.as_raw();
        // SAFETY: (1), and no `siginfo`.
        let sent = unsafe {
            let no_info = ptr::null::<libc::siginfo_t>();
            let group = PIDFD_SIGNAL_PROCESS_GROUP;
            libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, no_info, group)
        };
        match Errno::from_io_error(&io::Error::last_os_error()) {
            _ if sent == 0 => Ok(()),
            // Linux before 6.9.
            Some(Errno::INVAL) => self.kill_group(signal),
            errno => Err(Error::os(Call::PIDFD_SEND_SIGNAL, errno.unwrap_or(Errno::INVAL))),
        }
    }

    /// Kills it, and every process of the group that it leads, if it leads one.
    pub(crate) fn kill_with_group(&self) -> Result<(), Error> {
        let _leads_none = self.send_signal_to_group(Signal::KILL);
        self.send_signal(Signal::KILL)
    }

    /// Signals the group that it leads by its number, which is its own as long as nobody reaps it.
    fn kill_group(&self, signal: c_int) -> Result<(), Error> {
        let gone = Error::os(Call::KILL, Errno::SRCH);
        let _number = self.keep_number();
        let look = libc::WNOHANG | libc::WNOWAIT | libc::WEXITED | libc::__WALL;
        if self.is_reaped() || matches!(waitid_pidfd(self.pidfd.as_fd(), look), Err(Errno::CHILD)) {
            return Err(gone);
        }
        // SAFETY: (1). The pid is above 1, so that this is one group only.
        match unsafe { libc::kill(-self.pid.as_raw(), signal) } {
            0 => Ok(()),
            _ => {
                let errno = Errno::from_io_error(&io::Error::last_os_error());
                Err(errno.map_or(gone, |errno| Error::os(Call::KILL, errno)))
            }
        }
    }
}
