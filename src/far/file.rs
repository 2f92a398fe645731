//! The identity of an open file.
//!
//! # Safety
//!
//! 1. Fds in a call are open in this process's table, as they are borrowed.
#![expect(unsafe_code, reason = "calls that rustix does not have")]

use std::cmp::Ordering;
use std::ffi::c_int;
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use crate::interface::{Call, Error, Local, SyscallInterface};

/// An open file (a "file description"): what fds name, in whichever table they are, and what a mapping
/// maps, in whichever address space. Opened twice, a file is two of them.
///
/// It says whether two fds are of one open file, so that they share an offset, status flags and locks:
/// see [`FileDescriptorTask::file`](crate::task::FileDescriptorTask::file).
///
/// It keeps the file open, by an fd of this process which is close-on-exec, so that it stays the same one:
/// no end of file is seen, and no lock of the open file given up, while it exists. When it is dropped,
/// this process's locks on that file that are of the old kind (`F_SETLK`) go, as they do when any fd of it
/// is closed.
///
/// Not `PartialEq`, because a kernel or a filter can leave the question unanswered, and that is not the
/// same as "different"; not `Hash`, because the kernel tells nothing that would be equal for equal ones.
#[derive(Clone)]
pub struct File {
    fd: Arc<OwnedFd>,
}

/// Of `linux/fcntl.h`.
pub(crate) const F_DUPFD_QUERY: c_int = 1024 + 3;

impl File {
    /// The open file of an fd of this process.
    pub(crate) fn of(fd: OwnedFd) -> Self {
        File { fd: Arc::new(fd) }
    }

    /// `kcmp(KCMP_FILE)`—whether the two are one open file.
    ///
    /// Without `kcmp`, `fcntl(F_DUPFD_QUERY)` is asked, which Linux has from 6.10 on.
    ///
    /// # Errors
    ///
    /// Of `kcmp`, if neither can tell: `ENOSYS` if the kernel has none, `EPERM` if a filter denies it.
    ///
    /// # References
    ///
    /// [`kcmp(2)`](https://man7.org/linux/man-pages/man2/kcmp.2.html)
    #[doc(alias = "kcmp")]
    #[doc(alias = "F_DUPFD_QUERY")]
    pub fn is_same_as(&self, other: &File) -> Result<bool, Error> {
        if Arc::ptr_eq(&self.fd, &other.fd) {
            return Ok(true);
        }
        self.kcmp(other).map(|answer| answer == 0).or_else(|error| self.query(other).ok_or(error))
    }

    /// `kcmp(KCMP_FILE)`—an order of open files, to sort and search many of them by: it stays as it is
    /// while they exist, and means nothing else.
    ///
    /// # Errors
    ///
    /// Of `kcmp`: `ENOSYS` if the kernel has none, `EPERM` if a filter denies it.
    ///
    /// # References
    ///
    /// [`kcmp(2)`](https://man7.org/linux/man-pages/man2/kcmp.2.html)
    #[doc(alias = "kcmp")]
    pub fn compare(&self, other: &File) -> Result<Ordering, Error> {
        match self.kcmp(other)? {
            0 => Ok(Ordering::Equal),
            1 => Ok(Ordering::Less),
            2 => Ok(Ordering::Greater),
            // 3 is "different, but in no order", which the kernel does not say of files.
            _ => Err(Error::os(Call::KCMP, Errno::INVAL)),
        }
    }

    fn kcmp(&self, other: &File) -> Result<usize, Error> {
        const KCMP_FILE: usize = 0;
        let own_pid = std::process::id() as usize;
        let arguments = [own_pid, own_pid, KCMP_FILE, self.number(), other.number()];
        // SAFETY: (1); numbers only.
        unsafe { Local::new().syscall(Call::KCMP, arguments) }
    }

    /// Asks the way that came later, and needs no right to look into processes.
    fn query(&self, other: &File) -> Option<bool> {
        let arguments = [self.number(), F_DUPFD_QUERY as usize, other.number()];
        // SAFETY: (1); numbers only.
        match unsafe { Local::new().syscall(Call::FCNTL, arguments) } {
            Ok(same) => Some(same == 1),
            Err(_) => None,
        }
    }

    fn number(&self) -> usize {
        self.fd.as_raw_fd() as usize
    }
}

/// Which fd of this process keeps it open.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File(held by host_fds:{})", self.number())
    }
}
