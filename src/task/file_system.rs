//! Working directory, root and umask.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, as a string that ends in a NUL byte; the kernel keeps none of
//!    them after the call.
//! 3. What is changed is nobody's but the task's: children are never made with `CLONE_FS`.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::fs::Mode;
use rustix::path;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error};

use super::arguments::{call, near, with_path};

/// Calls that change where a task's paths start, and what the modes of its files leave out.
///
/// On a driven task they change that task alone: a child has a working directory, root and umask of
/// its own from the start. On the calling thread they change the whole process, all its threads.
/// Either way, children spawned afterwards start with what has been set.
///
/// A path with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait FileSystemTask: far::Task {
    /// `chdir(path)`—changes the working directory.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.chdir("/proc/self")?;
    /// let name = child.openat(Cwd, "comm", OFlags::RDONLY, Mode::empty())?;
    /// # drop(name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `chdir`: `ENOENT`, `ENOTDIR`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`chdir(2)`](https://man7.org/linux/man-pages/man2/chdir.2.html)
    #[doc(alias = "cd")]
    fn chdir(&self, path: impl path::Arg) -> Result<(), Error> {
        with_path(self, Call::CHDIR, path, |path| {
            // SAFETY: (2), (3)
            unsafe { call(self, Call::CHDIR, [path]) }.map(drop)
        })
    }

    /// `fchdir(directory)`—changes the working directory to one that is open.
    ///
    /// Checked: `directory` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fchdir`: `ENOTDIR`, `EACCES`.
    ///
    /// # References
    ///
    /// [`fchdir(2)`](https://man7.org/linux/man-pages/man2/chdir.2.html)
    fn fchdir(&self, directory: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        // SAFETY: (1), (3)
        unsafe { call(self, Call::FCHDIR, [near(self, Call::FCHDIR, &directory)?]) }.map(drop)
    }

    /// `chroot(path)`—changes the root: where paths that begin with `/` start, and what `..` does not
    /// lead out of.
    ///
    /// The working directory stays where it is, and fds stay open: through both, everything outside
    /// the new root can still be reached. Change the working directory too, and pass on only what the
    /// program is to have. Even so it is no prison for a program with `CAP_SYS_CHROOT`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// # if !nearfar::rustix::process::geteuid().is_root() { return Ok(()); }
    /// child.chroot("/proc/self")?;
    /// child.chdir("/")?;
    /// let name = child.openat(Cwd, "/comm", OFlags::RDONLY, Mode::empty())?;
    /// # drop(name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `chroot`: `EPERM` without `CAP_SYS_CHROOT`, `ENOENT`, `ENOTDIR`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`chroot(2)`](https://man7.org/linux/man-pages/man2/chroot.2.html)
    fn chroot(&self, path: impl path::Arg) -> Result<(), Error> {
        with_path(self, Call::CHROOT, path, |path| {
            // SAFETY: (2), (3)
            unsafe { call(self, Call::CHROOT, [path]) }.map(drop)
        })
    }

    /// `umask(mode)`—sets which permissions new files do not get, and returns what was set before.
    ///
    /// Only the permissions in `mode` count, not set-user-id, set-group-id and sticky. There is no call
    /// that asks without setting.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.umask(Mode::RWXG | Mode::RWXO)?;
    /// assert_eq!(child.umask(Mode::empty())?, Mode::RWXG | Mode::RWXO);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`umask(2)`](https://man7.org/linux/man-pages/man2/umask.2.html)
    fn umask(&self, mode: Mode) -> Result<Mode, Error> {
        let mode = mode & PERMISSIONS;
        // SAFETY: (3); takes a number only.
        let before = unsafe { call(self, Call::UMASK, [mode.bits() as usize]) }?;
        Ok(Mode::from_bits_retain(before as u32))
    }
}

const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);

impl<K: far::Task + ?Sized> FileSystemTask for K {}
