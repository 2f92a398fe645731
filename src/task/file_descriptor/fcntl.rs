//! What `fcntl` does.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table
//!    (`near`), and stays open for the call.
//! 2. Every address in a call comes from `lend`, with its length; the kernel keeps none of them after
//!    the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;

use rustix::fs::{OFlags, SealFlags};
use rustix::io::{Errno, FdFlags};

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error, LOWEST};
use crate::task::arguments::{Plain, call, known, near, received, with_in_out};

use super::open_flags::known_open_flags;

/// Calls on fds and on open files, one method for each operation of `fcntl`.
///
/// Every fd has to be of the task's own fd table: else the call does not compile.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait FcntlTask: far::Task {
    /// `fcntl(fd, F_DUPFD_CLOEXEC, lowest)`—a second fd of the same open file, at the lowest free
    /// number from `lowest` on, and from 3.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EMFILE`, `EINVAL` if `lowest` is negative or above the limit on open files.
    ///
    /// # References
    ///
    /// [`F_DUPFD_CLOEXEC(2const)`](https://man7.org/linux/man-pages/man2/F_DUPFD_CLOEXEC.2const.html)
    #[inline]
    fn fcntl_dupfd_cloexec(
        &self,
        fd: impl AsFd<Self::FdTable>,
        lowest: c_int,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let lowest = if lowest < 0 { lowest } else { lowest.max(LOWEST) };
        let number = fcntl(self, &fd, libc::F_DUPFD_CLOEXEC, lowest as usize)?;
        // SAFETY: (4)
        unsafe { received(self, number) }
    }

    /// `fcntl(fd, F_GETFD)`—the flags of the fd.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`F_GETFD(2const)`](https://man7.org/linux/man-pages/man2/F_GETFD.2const.html)
    fn fcntl_getfd(&self, fd: impl AsFd<Self::FdTable>) -> Result<FdFlags, Error> {
        let flags = fcntl(self, &fd, libc::F_GETFD, 0)?;
        Ok(FdFlags::from_bits_retain(flags as u32))
    }

    /// `fcntl(fd, F_SETFD, flags)`—sets the flags of the fd.
    ///
    /// Checked: `fd` is of this task's fd table. For this library's own exec the flag has no
    /// meaning: it passes on what it is told to.
    ///
    /// # Errors
    ///
    /// Of `fcntl`; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but `FD_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`F_SETFD(2const)`](https://man7.org/linux/man-pages/man2/F_GETFD.2const.html)
    fn fcntl_setfd(&self, fd: impl AsFd<Self::FdTable>, flags: FdFlags) -> Result<(), Error> {
        let flags = known(Call::FCNTL, flags.bits(), FdFlags::CLOEXEC.bits())?;
        fcntl(self, &fd, libc::F_SETFD, flags).map(drop)
    }

    /// `fcntl(fd, F_GETFL)`—access mode and status flags of the open file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`F_GETFL(2const)`](https://man7.org/linux/man-pages/man2/F_GETFL.2const.html)
    fn fcntl_getfl(&self, fd: impl AsFd<Self::FdTable>) -> Result<OFlags, Error> {
        let flags = fcntl(self, &fd, libc::F_GETFL, 0)?;
        Ok(OFlags::from_bits_retain(flags as u32))
    }

    /// `fcntl(fd, F_SETFL, flags)`—sets the status flags of the open file.
    ///
    /// Checked: `fd` is of this task's fd table. The flags belong to the open file: every fd of it,
    /// in whatever table, sees them. Access mode and creation flags are ignored.
    ///
    /// # Errors
    ///
    /// Of `fcntl`; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for `O_ASYNC`, whose signals would reach
    /// a task that blocks them all, and for flags this library does not know.
    ///
    /// # References
    ///
    /// [`F_SETFL(2const)`](https://man7.org/linux/man-pages/man2/F_GETFL.2const.html)
    fn fcntl_setfl(&self, fd: impl AsFd<Self::FdTable>, flags: OFlags) -> Result<(), Error> {
        let known = known_open_flags(Call::FCNTL, flags)?;
        fcntl(self, &fd, libc::F_SETFL, known.bits() as usize).map(drop)
    }

    /// `fcntl(fd, F_GETPIPE_SZ)`—the capacity of a pipe in bytes.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EBADF` if it is not a pipe.
    ///
    /// # References
    ///
    /// [`F_GETPIPE_SZ(2const)`](https://man7.org/linux/man-pages/man2/F_GETPIPE_SZ.2const.html)
    fn fcntl_getpipe_size(&self, fd: impl AsFd<Self::FdTable>) -> Result<usize, Error> {
        fcntl(self, &fd, libc::F_GETPIPE_SZ, 0)
    }

    /// `fcntl(fd, F_SETPIPE_SZ, bytes)`—sets the capacity of a pipe, and returns what it has become:
    /// at least `bytes`.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EPERM` above `/proc/sys/fs/pipe-max-size`, `EBUSY` if it holds more, `EINVAL`
    /// if `bytes` is more than an `int` holds.
    ///
    /// # References
    ///
    /// [`F_SETPIPE_SZ(2const)`](https://man7.org/linux/man-pages/man2/F_GETPIPE_SZ.2const.html)
    fn fcntl_setpipe_size(
        &self,
        fd: impl AsFd<Self::FdTable>,
        bytes: usize,
    ) -> Result<usize, Error> {
        let bytes = c_int::try_from(bytes).map_err(|_| Error::os(Call::FCNTL, Errno::INVAL))?;
        fcntl(self, &fd, libc::F_SETPIPE_SZ, bytes as usize)
    }

    /// `fcntl(fd, F_GET_SEALS)`—the seals of a memory file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EINVAL` if it is not a memory file.
    ///
    /// # References
    ///
    /// [`F_GET_SEALS(2const)`](https://man7.org/linux/man-pages/man2/F_GET_SEALS.2const.html)
    fn fcntl_get_seals(&self, fd: impl AsFd<Self::FdTable>) -> Result<SealFlags, Error> {
        let seals = fcntl(self, &fd, libc::F_GET_SEALS, 0)?;
        Ok(SealFlags::from_bits_retain(seals as u32))
    }

    /// `fcntl(fd, F_ADD_SEALS, seals)`—adds seals to a memory file, for good.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EPERM` if it is sealed against seals or not open for writing, `EBUSY` for
    /// `F_SEAL_WRITE` on what is mapped, `EINVAL` for seals that an older kernel does not know;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for those that this library does not know.
    ///
    /// # References
    ///
    /// [`F_ADD_SEALS(2const)`](https://man7.org/linux/man-pages/man2/F_GET_SEALS.2const.html)
    fn fcntl_add_seals(&self, fd: impl AsFd<Self::FdTable>, seals: SealFlags) -> Result<(), Error> {
        let seals = known(Call::FCNTL, seals.bits(), KNOWN_SEALS.bits())?;
        fcntl(self, &fd, libc::F_ADD_SEALS, seals).map(drop)
    }

    /// `fcntl(fd, F_OFD_SETLK, lock)`—locks or unlocks a range of the file, without waiting.
    ///
    /// Checked: `fd` is of this task's fd table. The lock belongs to the open file, so it ends with
    /// the last fd of it, in whatever table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EAGAIN` if another open file has a lock in the way; `EOVERFLOW` for a first byte or
    /// length of 2⁶³ or more.
    ///
    /// # References
    ///
    /// [`F_OFD_SETLK(2const)`](https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html)
    fn fcntl_ofd_setlk(&self, fd: impl AsFd<Self::FdTable>, lock: Lock) -> Result<(), Error> {
        fcntl_lock(self, &fd, libc::F_OFD_SETLK, lock).map(drop)
    }

    /// `fcntl(fd, F_OFD_SETLKW, lock)`—locks or unlocks a range of the file, and waits until it can.
    ///
    /// Checked: as [`fcntl_ofd_setlk`](Self::fcntl_ofd_setlk).
    ///
    /// # Errors
    ///
    /// Of `fcntl`; `EOVERFLOW` for a first byte or length of 2⁶³ or more.
    ///
    /// # References
    ///
    /// [`F_OFD_SETLKW(2const)`](https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html)
    fn fcntl_ofd_setlkw(&self, fd: impl AsFd<Self::FdTable>, lock: Lock) -> Result<(), Error> {
        fcntl_lock(self, &fd, libc::F_OFD_SETLKW, lock).map(drop)
    }

    /// `fcntl(fd, F_OFD_GETLK, lock)`—the first lock that is in the way of `lock`; `None` if it could
    /// be had.
    ///
    /// Checked: as [`fcntl_ofd_setlk`](Self::fcntl_ofd_setlk). The pid of a process-owned lock's
    /// holder is left out: it may mean nothing in this task's pid namespace.
    ///
    /// # Errors
    ///
    /// Of `fcntl`; `EOVERFLOW` for a first byte or length of 2⁶³ or more.
    ///
    /// # References
    ///
    /// [`F_OFD_GETLK(2const)`](https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html)
    fn fcntl_ofd_getlk(
        &self,
        fd: impl AsFd<Self::FdTable>,
        lock: Lock,
    ) -> Result<Option<Lock>, Error> {
        let found = fcntl_lock(self, &fd, libc::F_OFD_GETLK, lock)?;
        Ok((found.kind != LockKind::Unlocked).then_some(found))
    }

    /// `fcntl(fd, F_DUPFD_QUERY, other)`—whether both are of the same open file.
    ///
    /// Checked: both are of this task's fd table. Linux 6.10 and later.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EINVAL` before Linux 6.10.
    ///
    /// # References
    ///
    /// [`fcntl(2)`](https://man7.org/linux/man-pages/man2/fcntl.2.html)
    fn fcntl_dupfd_query(
        &self,
        fd: impl AsFd<Self::FdTable>,
        other: impl AsFd<Self::FdTable>,
    ) -> Result<bool, Error> {
        Ok(fcntl(self, &fd, far::F_DUPFD_QUERY, near(self, Call::FCNTL, &other)?)? == 1)
    }
}

impl<K: far::Task + ?Sized> FcntlTask for K {}

// SAFETY: a C struct of integers.
unsafe impl Plain for libc::flock {}

/// A range of a file, to be locked: [`FcntlTask::fcntl_ofd_setlk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    /// What kind of lock.
    pub kind: LockKind,
    /// Its first byte, from the start of the file.
    pub start: u64,
    /// How many bytes; 0 is up to the end, however far the file grows.
    pub length: u64,
}

/// The kind of a [`Lock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// Any number of open files can have it (`F_RDLCK`).
    Shared,
    /// Only one can (`F_WRLCK`).
    Exclusive,
    /// None: gives up a lock (`F_UNLCK`).
    Unlocked,
}

const KNOWN_SEALS: SealFlags = SealFlags::SEAL
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::WRITE)
    .union(SealFlags::FUTURE_WRITE)
    .union(SealFlags::EXEC);

fn fcntl<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    operation: c_int,
    argument: usize,
) -> Result<usize, Error> {
    // SAFETY: (1); `argument` is a number in every operation that this room uses it for.
    unsafe { call(task, Call::FCNTL, [near(task, Call::FCNTL, fd)?, operation as usize, argument]) }
}

fn fcntl_lock<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    operation: c_int,
    lock: Lock,
) -> Result<Lock, Error> {
    let too_far = |_| Error::os(Call::FCNTL, Errno::OVERFLOW);
    let flock = libc::flock {
        l_type: match lock.kind {
            LockKind::Shared => libc::F_RDLCK,
            LockKind::Exclusive => libc::F_WRLCK,
            LockKind::Unlocked => libc::F_UNLCK,
        } as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: lock.start.try_into().map_err(too_far)?,
        l_len: lock.length.try_into().map_err(too_far)?,
        // Has to be 0 for the `F_OFD_` operations.
        l_pid: 0,
    };
    let flock = with_in_out(task, flock, |address| {
        // SAFETY: (1), (2)
        unsafe {
            call(task, Call::FCNTL, [near(task, Call::FCNTL, fd)?, operation as usize, address])
        }
    })?;
    Ok(Lock {
        kind: match c_int::from(flock.l_type) {
            libc::F_RDLCK => LockKind::Shared,
            libc::F_WRLCK => LockKind::Exclusive,
            _ => LockKind::Unlocked,
        },
        start: flock.l_start as u64,
        length: flock.l_len as u64,
    })
}
