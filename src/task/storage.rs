//! What files hold: how much, whether it is on the disk, and who has locked it.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, as a string that ends in a NUL byte; the kernel keeps none of
//!    them after the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::fs::{FallocateFlags, FlockOperation, MemfdFlags};
use rustix::path;

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error};

use super::arguments::{call, known, near, received, with_path};

/// Calls on what files hold: their size, what is on the disk, whole-file locks, and files that are only
/// in memory.
///
/// Every fd has to be of the task's own fd table: else the call does not compile. Locks on a range of a
/// file are in [`FcntlTask`](super::FcntlTask::fcntl_ofd_setlk).
///
/// A path or name with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait StorageTask: far::Task {
    /// `truncate(path, length)`—cuts a file to this many bytes, or extends it by zeroes.
    ///
    /// The path starts at this task's working directory or root.
    ///
    /// # Errors
    ///
    /// Of `truncate`: `EISDIR`, `EACCES`, `ETXTBSY`, ...; `EINVAL` for a length of 2⁶³ or more, `EFBIG` for
    /// one beyond the limit on file size or of the file system.
    ///
    /// # References
    ///
    /// [`truncate(2)`](https://man7.org/linux/man-pages/man2/truncate.2.html)
    fn truncate(&self, path: impl path::Arg, length: u64) -> Result<(), Error> {
        with_path(self, Call::TRUNCATE, path, |path| {
            // SAFETY: (2)
            unsafe { call(self, Call::TRUNCATE, [path, length as usize]) }.map(drop)
        })
    }

    /// `ftruncate(fd, length)`—cuts an open file to this many bytes, or extends it by zeroes.
    ///
    /// Checked: `fd` is of this task's fd table. No offset moves.
    ///
    /// # Errors
    ///
    /// Of `ftruncate`: `EINVAL` if it is not open for writing or not a regular file, and for a length of
    /// 2⁶³ or more; `EFBIG` for one beyond the limit on file size or of the file system; `EPERM` if a seal
    /// forbids it.
    ///
    /// # References
    ///
    /// [`ftruncate(2)`](https://man7.org/linux/man-pages/man2/truncate.2.html)
    fn ftruncate(&self, fd: impl AsFd<Self::FdTable>, length: u64) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::FTRUNCATE, [near(self, Call::FTRUNCATE, &fd)?, length as usize]) }
            .map(drop)
    }

    /// `fallocate(fd, flags, offset, length)`—reserves space for a range of a file, in bytes, or with
    /// flags punches a hole there, zeroes it, removes or inserts it.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let file = child.memfd_create("buffer", MemfdFlags::empty())?;
    /// child.fallocate(&file, FallocateFlags::empty(), 0, 4096)?;
    /// assert_eq!(child.fstat(&file)?.st_size, 4096);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `fallocate`: `ENOSPC`, `EOPNOTSUPP` if the file system cannot do it, `EINVAL` for a length of 0
    /// and for numbers of 2⁶³ or more, ...; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for
    /// `FALLOC_FL_NO_HIDE_STALE`, which would show what others have deleted, and for flags this library
    /// does not know.
    ///
    /// # References
    ///
    /// [`fallocate(2)`](https://man7.org/linux/man-pages/man2/fallocate.2.html)
    fn fallocate(
        &self,
        fd: impl AsFd<Self::FdTable>,
        flags: FallocateFlags,
        offset: u64,
        length: u64,
    ) -> Result<(), Error> {
        let flags = known(Call::FALLOCATE, flags.bits(), KNOWN_FALLOCATE.bits())?;
        let arguments =
            [near(self, Call::FALLOCATE, &fd)?, flags, offset as usize, length as usize];
        // SAFETY: (1), (3)
        unsafe { call(self, Call::FALLOCATE, arguments) }.map(drop)
    }

    /// `fsync(fd)`—waits until all that is known of the file is on the disk.
    ///
    /// Checked: `fd` is of this task's fd table. For a new file, its directory has to be synced too.
    ///
    /// # Errors
    ///
    /// Of `fsync`: `EIO`, `ENOSPC` and `EDQUOT` say that earlier writes were lost; `EINVAL` if there is
    /// nothing to sync, as for a pipe.
    ///
    /// # References
    ///
    /// [`fsync(2)`](https://man7.org/linux/man-pages/man2/fsync.2.html)
    fn fsync(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::FSYNC, [near(self, Call::FSYNC, &fd)?]) }.map(drop)
    }

    /// `fdatasync(fd)`—waits until the file's content is on the disk, with what is needed to read it.
    ///
    /// Checked: as [`fsync`](Self::fsync).
    ///
    /// # Errors
    ///
    /// Of `fdatasync`: as [`fsync`](Self::fsync).
    ///
    /// # References
    ///
    /// [`fdatasync(2)`](https://man7.org/linux/man-pages/man2/fsync.2.html)
    fn fdatasync(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::FDATASYNC, [near(self, Call::FDATASYNC, &fd)?]) }.map(drop)
    }

    /// `flock(fd, operation)`—locks or unlocks the whole file, and waits until it can unless it is told
    /// not to.
    ///
    /// Checked: `fd` is of this task's fd table. The lock belongs to the open file: every fd of it, in
    /// whatever table, holds it and can give it up, and it ends with the last of them. On a local file
    /// system it knows nothing of the locks of `fcntl`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// # let temporary = std::env::temp_dir();
    /// let first = child.openat(Cwd, &temporary, OFlags::RDONLY, Mode::empty())?;
    /// let second = child.openat(Cwd, &temporary, OFlags::RDONLY, Mode::empty())?;
    /// child.flock(&first, FlockOperation::LockShared)?;
    /// let refused = child.flock(&second, FlockOperation::NonBlockingLockExclusive);
    /// assert_eq!(refused.unwrap_err().errno(), Some(Errno::WOULDBLOCK));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `flock`: `EWOULDBLOCK` if another open file has a lock in the way and the call is not to wait.
    ///
    /// # References
    ///
    /// [`flock(2)`](https://man7.org/linux/man-pages/man2/flock.2.html)
    fn flock(&self, fd: impl AsFd<Self::FdTable>, operation: FlockOperation) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::FLOCK, [near(self, Call::FLOCK, &fd)?, operation as usize]) }
            .map(drop)
    }

    /// `memfd_create(name, flags)`—a new file that is only in memory and has no path.
    ///
    /// `MFD_CLOEXEC` is always set. The name is for `/proc` only. What has been made with
    /// [`MemfdFlags::ALLOW_SEALING`] can be
    /// [sealed](super::FcntlTask::fcntl_add_seals).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let file = child.memfd_create("constant", MemfdFlags::ALLOW_SEALING)?;
    /// child.write(&file, b"for ever")?;
    /// child.fcntl_add_seals(&file, SealFlags::WRITE)?;
    /// assert_eq!(child.write(&file, b"and").unwrap_err().errno(), Some(Errno::PERM));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `memfd_create`: `EMFILE`, `EINVAL` for a name of 250 bytes or more, `ENOMEM` if there are no huge
    /// pages, ...; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`memfd_create(2)`](https://man7.org/linux/man-pages/man2/memfd_create.2.html)
    fn memfd_create(
        &self,
        name: impl path::Arg,
        flags: MemfdFlags,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let flags = (flags | MemfdFlags::CLOEXEC).bits();
        let flags = known(Call::MEMFD_CREATE, flags, KNOWN_MEMFD.bits())?;
        with_path(self, Call::MEMFD_CREATE, name, |name| {
            // SAFETY: (2), (3)
            let number = unsafe { call(self, Call::MEMFD_CREATE, [name, flags]) }?;
            // SAFETY: (4)
            unsafe { received(self, number) }
        })
    }
}

impl<K: far::Task + ?Sized> StorageTask for K {}

const KNOWN_FALLOCATE: FallocateFlags = FallocateFlags::KEEP_SIZE
    .union(FallocateFlags::PUNCH_HOLE)
    .union(FallocateFlags::COLLAPSE_RANGE)
    .union(FallocateFlags::ZERO_RANGE)
    .union(FallocateFlags::INSERT_RANGE)
    .union(FallocateFlags::UNSHARE_RANGE);

/// The size of huge pages is a number of six bits, not flags.
const KNOWN_MEMFD: MemfdFlags = MemfdFlags::CLOEXEC
    .union(MemfdFlags::ALLOW_SEALING)
    .union(MemfdFlags::HUGETLB)
    .union(MemfdFlags::NOEXEC_SEAL)
    .union(MemfdFlags::EXEC)
    .union(MemfdFlags::from_bits_retain(libc::MFD_HUGE_MASK << libc::MFD_HUGE_SHIFT));
