//! The controlling terminal.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, for as many bytes as the kernel writes there; it keeps none of
//!    them after the call.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error};
use crate::near::Sid;

use super::arguments::{call, near, with_out};

/// Calls on the terminal that controls a session.
///
/// A session begins with [`setsid`](super::ProcessTask::setsid). Its terminal belongs to the process:
/// on the calling thread, to this whole program.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait TerminalTask: far::Task {
    /// `ioctl(terminal, TIOCSCTTY, 0)`—makes a terminal the controlling one of the session that the task
    /// leads, and the task's process group the one in its foreground.
    ///
    /// Checked: `terminal` is of this task's fd table. It is never taken away from another session.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// /// Starts a program in a session of its own on a terminal, as a login does.
    /// fn log_in<F>(
    ///     child: impl DrivenTask + far::Task<FdTable = F>,
    ///     terminal: &Fd<F>,
    ///     shell: &Program,
    /// ) -> Result<ChildProcess, nearfar::Error> {
    ///     child.setsid()?;
    ///     child.ioctl_tiocsctty(terminal)?;
    ///     child.program(shell).fd(0, terminal).fd(1, terminal).fd(2, terminal).exec()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a terminal, `EPERM` if the task does not lead its session, if the
    /// session has another controlling terminal already, or if the terminal controls another session.
    ///
    /// # References
    ///
    /// [`TIOCSCTTY(2const)`](https://man7.org/linux/man-pages/man2/TIOCSCTTY.2const.html)
    #[doc(alias = "TIOCSCTTY")]
    fn ioctl_tiocsctty(&self, terminal: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        let arguments = [near(self, &terminal), libc::TIOCSCTTY as usize, 0];
        // SAFETY: (1); a number.
        unsafe { call(self, Call::IOCTL, arguments) }.map(drop)
    }

    /// `ioctl(terminal, TIOCNOTTY)`—gives up the controlling terminal.
    ///
    /// Checked: `terminal` is of this task's fd table. If the task leads its session, the whole session
    /// loses the terminal, and the process group in its foreground gets `SIGHUP` and `SIGCONT`. If that
    /// is the group of a driven task, the `SIGHUP` stays pending, as all its signals are blocked, and
    /// ends it when it is to become a program.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not the task's controlling terminal.
    ///
    /// # References
    ///
    /// [`TIOCNOTTY(2const)`](https://man7.org/linux/man-pages/man2/TIOCSCTTY.2const.html)
    #[doc(alias = "TIOCNOTTY")]
    fn ioctl_tiocnotty(&self, terminal: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::IOCTL, [near(self, &terminal), libc::TIOCNOTTY as usize, 0]) }
            .map(drop)
    }

    /// `ioctl(terminal, TIOCGSID, session)`—the session that a terminal controls; `None` if it is not
    /// visible in the task's pid namespace.
    ///
    /// Checked: `terminal` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is neither the task's controlling terminal nor the other end of a
    /// pseudoterminal that controls a session.
    ///
    /// # References
    ///
    /// [`TIOCGSID(2const)`](https://man7.org/linux/man-pages/man2/TIOCGSID.2const.html)
    #[doc(alias = "TIOCGSID")]
    #[doc(alias = "tcgetsid")]
    fn ioctl_tiocgsid(
        &self,
        terminal: impl AsFd<Self::FdTable>,
    ) -> Result<Option<Sid<Self::PidNamespace>>, Error> {
        let session: c_int = with_out(self, |address| {
            let arguments = [near(self, &terminal), libc::TIOCGSID as usize, address];
            // SAFETY: (1), (2): an `int`.
            unsafe { call(self, Call::IOCTL, arguments) }
        })?;
        Ok(Sid::asserted(session))
    }
}

impl<K: far::Task + ?Sized> TerminalTask for K {}
