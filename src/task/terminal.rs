//! Terminals: the controlling one, pseudoterminals, attributes and sizes.
//!
//! # Safety
//!
//! 1. The requests of this room mean the same to every file that knows them, or are refused, and are about the type
//!    that they are made with.
//! 2. An fd that a call returns is new, open in the task's table and nobody else's. A number is taken for
//!    an fd only from the kernel's own driver: whoever serves a file system by FUSE answers any request
//!    with any number.
#![expect(unsafe_code, reason = "syscalls")]

mod attributes;

use std::ffi::c_int;

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, Winsize};

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error};
use crate::near::{AsPgid, Pgid, Sid};

use super::FileDescriptorTask;
use super::arguments::{Plain, known, pgid_of, steady};
use super::ioctl::{by_value, get, opening, set};

use attributes::Attributes;

/// Calls on terminals.
///
/// A session begins with [`setsid`](super::ProcessTask::setsid). The terminal that controls it belongs to
/// the process: on the calling thread, to this whole program. Attributes and size belong to the terminal:
/// everybody who has it open sees them change.
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
        let do_not_steal = 0;
        // SAFETY: (1); a number.
        unsafe { by_value(self, &terminal, libc::TIOCSCTTY as u32, do_not_steal) }.map(drop)
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
        unsafe { by_value(self, &terminal, libc::TIOCNOTTY as u32, 0) }.map(drop)
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
        // SAFETY: (1): an `int`.
        unsafe { get(self, &terminal, libc::TIOCGSID as u32) }.map(Sid::asserted)
    }

    /// `ioctl(terminal, TIOCGPGRP, group)`—the process group in the foreground of a terminal; `None` if it is not
    /// visible in the task's pid namespace.
    ///
    /// Checked: `terminal` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is neither the task's controlling terminal nor the other end of a
    /// pseudoterminal.
    ///
    /// # References
    ///
    /// [`TIOCGPGRP(2const)`](https://man7.org/linux/man-pages/man2/TIOCGPGRP.2const.html)
    #[doc(alias = "TIOCGPGRP")]
    #[doc(alias = "tcgetpgrp")]
    fn ioctl_tiocgpgrp(
        &self,
        terminal: impl AsFd<Self::FdTable>,
    ) -> Result<Option<Pgid<Self::PidNamespace>>, Error> {
        // SAFETY: (1): an `int`.
        unsafe { get(self, &terminal, libc::TIOCGPGRP as u32) }.map(Pgid::asserted)
    }

    /// `ioctl(terminal, TIOCSPGRP, group)`—puts a process group of the task's session into the foreground of its
    /// controlling terminal.
    ///
    /// Checked: `terminal` is of this task's fd table, `group` of its pid namespace. Whoever is in the background gets
    /// `SIGTTOU` for it, which stops this whole program if it is the calling thread that asks, unless that blocks or
    /// ignores the signal; a driven task blocks it.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not the task's controlling terminal, `ESRCH` if there is no such group, `EPERM` if
    /// it is of another session.
    ///
    /// # References
    ///
    /// [`TIOCSPGRP(2const)`](https://man7.org/linux/man-pages/man2/TIOCSPGRP.2const.html)
    #[doc(alias = "TIOCSPGRP")]
    #[doc(alias = "tcsetpgrp")]
    fn ioctl_tiocspgrp(
        &self,
        terminal: impl AsFd<Self::FdTable>,
        group: impl AsPgid<Self::PidNamespace>,
    ) -> Result<(), Error> {
        let group = pgid_of(self, Call::IOCTL, &group)? as c_int;
        // SAFETY: (1): an `int`.
        unsafe { set(self, &terminal, libc::TIOCSPGRP as u32, group) }
    }

    /// `ioctl(terminal, TCGETS2, attributes)`—modes, special characters and speeds of a terminal.
    ///
    /// Checked: `terminal` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a terminal.
    ///
    /// # References
    ///
    /// [`TCGETS2(2const)`](https://man7.org/linux/man-pages/man2/TCSETS.2const.html)
    #[doc(alias = "TCGETS")]
    #[doc(alias = "tcgetattr")]
    fn ioctl_tcgets(&self, terminal: impl AsFd<Self::FdTable>) -> Result<Termios, Error> {
        // SAFETY: (1): a `struct termios2`.
        let attributes: Attributes = unsafe { get(self, &terminal, attributes::TCGETS2) }?;
        Ok(attributes.into())
    }

    /// `ioctl(terminal, TCSETS2, attributes)`—sets modes, special characters and speeds of a terminal: at
    /// once, when all output has been sent, or then with the input thrown away.
    ///
    /// Checked: `terminal` is of this task's fd table. What the terminal cannot do is left out without an error:
    /// look at what has become of it. A process in the background of its controlling terminal that does not
    /// block `SIGTTOU` is stopped; driven tasks do.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// /// Reads byte by byte, without echo.
    /// fn make_raw<K: TerminalTask>(
    ///     task: &K,
    ///     terminal: &Fd<K::FdTable>,
    /// ) -> Result<(), nearfar::Error> {
    ///     let mut attributes = task.ioctl_tcgets(terminal)?;
    ///     attributes.make_raw();
    ///     task.ioctl_tcsets(terminal, OptionalActions::Now, &attributes)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a terminal, `EIO` if the process is in the background of it and its
    /// group is an orphan.
    ///
    /// # References
    ///
    /// [`TCSETS2(2const)`](https://man7.org/linux/man-pages/man2/TCSETS.2const.html)
    #[doc(alias = "TCSETS")]
    #[doc(alias = "tcsetattr")]
    fn ioctl_tcsets(
        &self,
        terminal: impl AsFd<Self::FdTable>,
        when: OptionalActions,
        attributes: &Termios,
    ) -> Result<(), Error> {
        let request = match when {
            OptionalActions::Now => attributes::TCSETS2,
            OptionalActions::Drain => attributes::TCSETSW2,
            OptionalActions::Flush => attributes::TCSETSF2,
        };
        // SAFETY: (1): a `struct termios2`.
        unsafe { set(self, &terminal, request, Attributes::from(attributes)) }
    }

    /// `ioctl(terminal, TIOCGWINSZ, size)`—the size of a terminal's window.
    ///
    /// Checked: `terminal` is of this task's fd table. In characters and pixels; 0 is unknown.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a terminal.
    ///
    /// # References
    ///
    /// [`TIOCGWINSZ(2const)`](https://man7.org/linux/man-pages/man2/TIOCSWINSZ.2const.html)
    #[doc(alias = "TIOCGWINSZ")]
    #[doc(alias = "tcgetwinsize")]
    fn ioctl_tiocgwinsz(&self, terminal: impl AsFd<Self::FdTable>) -> Result<Winsize, Error> {
        // SAFETY: (1): a `struct winsize`.
        unsafe { get(self, &terminal, libc::TIOCGWINSZ as u32) }
    }

    /// `ioctl(terminal, TIOCSWINSZ, size)`—sets the size of a terminal's window. If that changes it, the
    /// process group in the foreground gets `SIGWINCH`.
    ///
    /// Checked: `terminal` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a terminal.
    ///
    /// # References
    ///
    /// [`TIOCSWINSZ(2const)`](https://man7.org/linux/man-pages/man2/TIOCSWINSZ.2const.html)
    #[doc(alias = "TIOCSWINSZ")]
    #[doc(alias = "tcsetwinsize")]
    fn ioctl_tiocswinsz(
        &self,
        terminal: impl AsFd<Self::FdTable>,
        size: Winsize,
    ) -> Result<(), Error> {
        // SAFETY: (1): a `struct winsize`.
        unsafe { set(self, &terminal, libc::TIOCSWINSZ as u32, size) }
    }

    /// `ioctl(master, TIOCGPTN, number)`—the number of a pseudoterminal: its other end is `/dev/pts/NUMBER`
    /// in the file system that the master is of.
    ///
    /// Checked: `master` is of this task's fd table. [`ioctl_tiocgptpeer`](Self::ioctl_tiocgptpeer) opens the
    /// other end without a path.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not the master of a pseudoterminal.
    ///
    /// # References
    ///
    /// [`ioctl_tty(2)`](https://man7.org/linux/man-pages/man2/ioctl_tty.2.html)
    #[doc(alias = "TIOCGPTN")]
    #[doc(alias = "ptsname")]
    fn ioctl_tiocgptn(&self, master: impl AsFd<Self::FdTable>) -> Result<u32, Error> {
        // SAFETY: (1): an `unsigned int`.
        unsafe { get(self, &master, libc::TIOCGPTN as u32) }
    }

    /// `ioctl(master, TIOCSPTLCK, locked)`—sets or clears the lock of a new pseudoterminal: while it is set,
    /// the other end cannot be opened by its path.
    ///
    /// Checked: `master` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not the master of a pseudoterminal.
    ///
    /// # References
    ///
    /// [`ioctl_tty(2)`](https://man7.org/linux/man-pages/man2/ioctl_tty.2.html)
    #[doc(alias = "TIOCSPTLCK")]
    #[doc(alias = "unlockpt")]
    fn ioctl_tiocsptlck(
        &self,
        master: impl AsFd<Self::FdTable>,
        locked: bool,
    ) -> Result<(), Error> {
        // SAFETY: (1): an `int`.
        unsafe { set(self, &master, libc::TIOCSPTLCK as u32, c_int::from(locked)) }
    }

    /// `ioctl(master, TIOCGPTPEER, flags)`—opens the other end of a pseudoterminal, without its path.
    ///
    /// Checked: `master` is of this task's fd table. `O_CLOEXEC` is always set. Without `O_NOCTTY` it
    /// becomes the controlling terminal of a session leader that has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let flags = OFlags::RDWR | OFlags::NOCTTY;
    /// let master = child.openat(Cwd, "/dev/ptmx", flags, Mode::empty())?;
    /// child.ioctl_tiocsptlck(&master, false)?;
    /// let terminal = child.ioctl_tiocgptpeer(&master, flags)?;
    /// child.write(&terminal, b"hello")?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(child.read(&master, &mut buffer)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not the master of a pseudoterminal, `EIO` if that is locked;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but the access mode, `O_NOCTTY`, `O_NONBLOCK` and
    /// `O_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`TIOCGPTPEER(2const)`](https://man7.org/linux/man-pages/man2/TIOCPKT.2const.html)
    #[doc(alias = "TIOCGPTPEER")]
    fn ioctl_tiocgptpeer(
        &self,
        master: impl AsFd<Self::FdTable>,
        flags: OFlags,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let allowed = OFlags::RWMODE | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let flags =
            known(Call::IOCTL, flags.bits(), allowed.bits())? | OFlags::CLOEXEC.bits() as usize;
        let master = steady(self, &master)?;
        let file = self.fstat(&master)?;
        if FileType::from_raw_mode(file.st_mode) != FileType::CharacterDevice
            || file.st_rdev != PTMX
        {
            return Err(Error::os(Call::IOCTL, Errno::NOTTY));
        }
        // SAFETY: (1), (2)
        unsafe { opening(self, &master, libc::TIOCGPTPEER as u32, flags) }
    }
}

impl<K: far::Task + ?Sized> TerminalTask for K {}

// SAFETY: a C struct of integers.
unsafe impl Plain for Winsize {}
const _: () = assert!(size_of::<Winsize>() == size_of::<libc::winsize>());

/// The device that makes pseudoterminals, `/dev/ptmx`: every master is an open file of it.
const PTMX: u64 = libc::makedev(5, 2);
