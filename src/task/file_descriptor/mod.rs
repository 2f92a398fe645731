//! Files and pipes.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table
//!    (`near`), and stays open for the call.
//! 2. Every address in a call comes from a borrow of memory of the task's own address space, or from
//!    `lend`, with its length; the kernel keeps none of them after the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

mod close_range;
mod fcntl;
mod open_flags;

use std::ffi::c_int;

use rustix::fs::{Mode, OFlags, SeekFrom, Stat};
use rustix::path;
use rustix::pipe::PipeFlags;

use crate::buf::{Buf, BufMut};
use crate::far;
use crate::handle::{AsDirFd, AsFd, Fd, IntoFd};
use crate::interface::{Call, Error, ErrorKind, LOWEST, SyscallInterface};

use super::arguments::{
    call, dirfd, in_own_table, known, near, near_buffer, near_buffer_mut, received, received_ends,
    with_path, with_told,
};

pub use close_range::CloseRangeTask;
pub use fcntl::{FcntlTask, Lock, LockKind};
pub(super) use open_flags::known_open_flags;

/// Calls on file descriptors.
///
/// Every fd has to be of the task's own fd table, and every buffer of its own address space: else
/// the call does not compile. Every fd that a call returns is close-on-exec, and never 0, 1 or 2,
/// which cross into a new table without being listed.
///
/// A path with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](ErrorKind::NotSent) if it was dead before, [`Hangup`](ErrorKind::Hangup) if it died
/// meanwhile.
pub trait FileDescriptorTask: far::Task {
    /// `openat(directory, path, flags, mode)`—opens a file.
    ///
    /// Checked: `directory` is of this task's fd table. [`Cwd`](crate::handle::Cwd) is the working
    /// directory of this task. `O_CLOEXEC` is always set; `mode` counts only when a file is created.
    ///
    /// # Errors
    ///
    /// Of `openat`: `ENOENT`, `EACCES`, `EEXIST`, `ELOOP`, `EMFILE`, ...; [`UnknownFlags`](ErrorKind::UnknownFlags) for
    /// `O_ASYNC`, whose signals would reach a task that blocks them all, and for flags this library does not know.
    ///
    /// # References
    ///
    /// [`openat(2)`](https://man7.org/linux/man-pages/man2/openat.2.html)
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let file = child.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
    /// let mut buffer = [0; 32];
    /// assert!(child.read(&file, &mut buffer)? > 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "open")]
    #[inline]
    fn openat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: OFlags,
        mode: Mode,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let known = known_open_flags(Call::OPENAT, flags)? | OFlags::CLOEXEC;
        let mode = mode.bits() & 0o7777;
        with_path(self, Call::OPENAT, path, |path| {
            let arguments = [
                dirfd(self, Call::OPENAT, &directory)?,
                path,
                known.bits() as usize,
                mode as usize,
            ];
            // SAFETY: (1), (2), (3)
            let number = unsafe { call(self, Call::OPENAT, arguments) }?;
            // SAFETY: (4)
            unsafe { received(self, number) }
        })
    }

    /// `read(fd, buffer)`—reads at the file's offset, which every fd of the open file shares,
    /// and moves it.
    ///
    /// Checked: `fd` is of this task's fd table, `buffer` of its address space. Returns how many
    /// bytes were read, at most the buffer's length; 0 is the end of the file.
    ///
    /// # Errors
    ///
    /// Of `read`: `EAGAIN` if it would block and is not to, `EBADF` if it is not open for reading, `EIO`, `EISDIR`, ...
    ///
    /// # References
    ///
    /// [`read(2)`](https://man7.org/linux/man-pages/man2/read.2.html)
    #[inline]
    fn read(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffer: &mut (impl BufMut<Self::AddressSpace> + ?Sized),
    ) -> Result<usize, Error> {
        let (address, length) = near_buffer_mut(self, Call::READ, buffer)?;
        // SAFETY: (1), (2)
        unsafe { call(self, Call::READ, [near(self, Call::READ, &fd)?, address, length]) }
    }

    /// `write(fd, buffer)`—writes at the file's offset, which every fd of the open file shares,
    /// and moves it.
    ///
    /// Checked: `fd` is of this task's fd table, `buffer` of its address space. Returns how many
    /// bytes were written, which may be fewer than there are. A pipe without a reader is `EPIPE`, in
    /// driven tasks without a signal.
    ///
    /// # Errors
    ///
    /// Of `write`: `EPIPE` if nobody can read it, `EAGAIN` if it would block and is not to, `EBADF` if it is not open
    /// for writing, `EIO`, `ENOSPC`, ...
    ///
    /// # References
    ///
    /// [`write(2)`](https://man7.org/linux/man-pages/man2/write.2.html)
    #[inline]
    fn write(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffer: &(impl Buf<Self::AddressSpace> + ?Sized),
    ) -> Result<usize, Error> {
        let (address, length) = near_buffer(self, Call::WRITE, buffer)?;
        let arguments = [near(self, Call::WRITE, &fd)?, address, length];
        // SAFETY: (1), (2)
        unsafe { call(self, Call::WRITE, arguments) }
    }

    /// `pread(fd, buffer, offset)`—reads at `offset` bytes from the start, leaving the file's own
    /// offset alone.
    ///
    /// Checked: as [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// Of `pread`; `ESPIPE` for a pipe or socket, `EINVAL` for an offset of 2⁶³ or more.
    ///
    /// # References
    ///
    /// [`pread(2)`](https://man7.org/linux/man-pages/man2/pread.2.html)
    #[inline]
    fn pread(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffer: &mut (impl BufMut<Self::AddressSpace> + ?Sized),
        offset: u64,
    ) -> Result<usize, Error> {
        let (address, length) = near_buffer_mut(self, Call::PREAD, buffer)?;
        // SAFETY: (1), (2)
        unsafe {
            call(
                self,
                Call::PREAD,
                [near(self, Call::PREAD, &fd)?, address, length, offset as usize],
            )
        }
    }

    /// `pwrite(fd, buffer, offset)`—writes at `offset` bytes from the start, leaving the file's own
    /// offset alone.
    ///
    /// Checked: as [`write`](Self::write).
    ///
    /// # Errors
    ///
    /// Of `pwrite`; `ESPIPE` for a pipe or socket, `EINVAL` for an offset of 2⁶³ or more.
    ///
    /// # References
    ///
    /// [`pwrite(2)`](https://man7.org/linux/man-pages/man2/pwrite.2.html)
    #[inline]
    fn pwrite(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffer: &(impl Buf<Self::AddressSpace> + ?Sized),
        offset: u64,
    ) -> Result<usize, Error> {
        let (address, length) = near_buffer(self, Call::PWRITE, buffer)?;
        // SAFETY: (1), (2)
        unsafe {
            call(
                self,
                Call::PWRITE,
                [near(self, Call::PWRITE, &fd)?, address, length, offset as usize],
            )
        }
    }

    /// `lseek(fd, to)`—moves the file's offset, and returns it in bytes from the start.
    ///
    /// Checked: `fd` is of this task's fd table. The offset belongs to the open file: every fd of it,
    /// in whatever table, sees it move.
    ///
    /// # Errors
    ///
    /// Of `lseek`; `EINVAL` for an offset of 2⁶³ or more.
    ///
    /// # References
    ///
    /// [`lseek(2)`](https://man7.org/linux/man-pages/man2/lseek.2.html)
    fn lseek(&self, fd: impl AsFd<Self::FdTable>, to: SeekFrom) -> Result<u64, Error> {
        let (whence, offset) = match to {
            SeekFrom::Start(offset) => (libc::SEEK_SET, offset as usize),
            SeekFrom::End(offset) => (libc::SEEK_END, offset as usize),
            SeekFrom::Current(offset) => (libc::SEEK_CUR, offset as usize),
            SeekFrom::Data(offset) => (libc::SEEK_DATA, offset as usize),
            SeekFrom::Hole(offset) => (libc::SEEK_HOLE, offset as usize),
        };
        // SAFETY: (1)
        let offset = unsafe {
            call(self, Call::LSEEK, [near(self, Call::LSEEK, &fd)?, offset, whence as usize])
        }?;
        Ok(offset as u64)
    }

    /// `close(fd)`—closes an fd, and says how that went.
    ///
    /// Checked: `fd` is of this task's fd table. Dropping the handle does the same without waiting
    /// and without a word. Whatever the kernel answers, the fd is given up, and nothing retries. If the
    /// call was not sent, because this task is dead, the fd is dropped; after a hangup nobody knows.
    ///
    /// # Errors
    ///
    /// Of `close`: `EIO`, `ENOSPC` and `EDQUOT` say that earlier writes were lost.
    ///
    /// # References
    ///
    /// [`close(2)`](https://man7.org/linux/man-pages/man2/close.2.html)
    fn close(&self, fd: impl IntoFd<Self::FdTable>) -> Result<(), Error> {
        // It has no owner during the call: what sees it being answered may open another file in the
        // slot, and if that panics, the slot must not be closed again.
        let fd = fd.into_fd();
        in_own_table(self, Call::CLOSE, AsFd::table(&fd))?;
        let number = fd.into_near();
        // SAFETY: (1); its owner has given it up.
        let closed = unsafe { call(self, Call::CLOSE, [number.as_raw() as usize]) }.map(drop);
        if closed.is_err_and(|error| error.kind() == ErrorKind::NotSent) {
            // SAFETY: (1); it is as open as it was, and was taken from its owner here.
            drop(unsafe { Fd::from_near(number, self.fd_table()) });
        }
        closed
    }

    /// `fcntl(fd, F_DUPFD_CLOEXEC, 3)`—a second fd of the same open file.
    ///
    /// Checked: `fd` is of this task's fd table. Both share offset and status flags.
    ///
    /// # Errors
    ///
    /// Of `fcntl`: `EMFILE`.
    ///
    /// # References
    ///
    /// [`dup(2)`](https://man7.org/linux/man-pages/man2/dup.2.html)
    #[doc(alias = "try_clone")]
    #[inline]
    fn dup(&self, fd: impl AsFd<Self::FdTable>) -> Result<Fd<Self::FdTable>, Error> {
        self.fcntl_dupfd_cloexec(fd, LOWEST)
    }

    /// `dup3(fd, slot, O_CLOEXEC)`—puts a second fd of the same open file into a slot that is given
    /// up for it, closing what is there.
    ///
    /// Checked: both are of this task's fd table. `slot` is given up also if the call fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// let slot = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    /// let number = slot.near();
    /// let copy = here.dup_onto(&writer, slot)?;
    /// assert_eq!(copy.near(), number);
    /// here.write(&copy, b"into the pipe")?;
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
    /// [`dup3(2)`](https://man7.org/linux/man-pages/man2/dup.2.html)
    #[doc(alias = "dup2")]
    #[doc(alias = "dup3")]
    fn dup_onto(
        &self,
        fd: impl AsFd<Self::FdTable>,
        slot: impl IntoFd<Self::FdTable>,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let slot = slot.into_fd();
        let [from, to] = [near(self, Call::DUP3, &fd)?, near(self, Call::DUP3, &slot)?];
        let arguments = [from, to, OFlags::CLOEXEC.bits() as usize];
        // SAFETY: (1); what is replaced was owned, and its owner is here.
        unsafe { call(self, Call::DUP3, arguments) }?;
        Ok(slot)
    }

    /// `fcntl(fd, F_DUPFD_CLOEXEC, number)`—a second fd of the same open file at a number that is
    /// free, and at no other.
    ///
    /// Checked: `fd` is of this task's fd table. Numbers for a program to find are better chosen at
    /// its [`exec`](super::Exec::fd), which needs nothing to be free.
    ///
    /// # Errors
    ///
    /// [`SlotTaken`](ErrorKind::SlotTaken) if `number` is not free, or is 0, 1 or 2, which are not
    /// given out; of `fcntl`: `EINVAL` if it is above the limit on open files.
    ///
    /// # References
    ///
    /// [`F_DUPFD_CLOEXEC(2const)`](https://man7.org/linux/man-pages/man2/F_DUPFD_CLOEXEC.2const.html)
    fn dup_at(
        &self,
        fd: impl AsFd<Self::FdTable>,
        number: c_int,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let copy = self.fcntl_dupfd_cloexec(fd, number)?;
        if copy.near().as_raw() == number {
            Ok(copy)
        } else {
            self.close(copy)?;
            Err(Error::new(Call::FCNTL, ErrorKind::SlotTaken))
        }
    }

    /// `pipe2(flags)`—a pipe: its reading and its writing end.
    ///
    /// `O_CLOEXEC` is always set.
    ///
    /// # Errors
    ///
    /// Of `pipe2`: `EMFILE`, `ENFILE`; [`UnknownFlags`](ErrorKind::UnknownFlags) for anything but
    /// `O_NONBLOCK`, `O_DIRECT` and `O_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`pipe2(2)`](https://man7.org/linux/man-pages/man2/pipe.2.html)
    #[doc(alias = "pipe")]
    #[inline(always)]
    fn pipe2(&self, flags: PipeFlags) -> Result<Ends<Self>, Error> {
        let allowed = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK | PipeFlags::DIRECT;
        let flags =
            known(Call::PIPE2, flags.bits(), allowed.bits())? | PipeFlags::CLOEXEC.bits() as usize;
        let make = |address| {
            // SAFETY: (2), (3)
            unsafe { call(self, Call::PIPE2, [address, flags]) }
        };
        // SAFETY: (4)
        unsafe { received_ends(self, Call::PIPE2, make) }
    }

    /// `pidfd_getfd(this task, fd)`—the identity of the open file that the fd names, whichever other fds
    /// it has, in this table or another one.
    ///
    /// Checked: `fd` is of this task's fd table. The copy by which this program holds the file is in its
    /// own table: of an fd that is there already, it is made by `fcntl`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// brand!(private_fds);
    /// let (child, copy) = here.spawn()?.unshare_files(private_fds, &writer)?;
    /// assert!(child.file(&copy)?.is_same_as(&here.file(&writer)?)?);
    /// assert!(!child.file(&copy)?.is_same_as(&here.file(&reader)?)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `pidfd_getfd` or `fcntl`: `EMFILE` if this program has no room for the copy, `EPERM` if the task
    /// may not be traced: this program is not dumpable.
    ///
    /// # References
    ///
    /// [`pidfd_getfd(2)`](https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html)
    fn file(&self, fd: impl AsFd<Self::FdTable>) -> Result<far::File, Error> {
        // SAFETY: (1); the copy gives its holder nothing to do with the file but to keep it open.
        unsafe { self.interface().copy_fd(near(self, Call::PIDFD_GETFD, &fd)? as c_int) }
            .map(far::File::of)
    }

    /// `fstat(fd)`—what is known about the file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fstat`: of what is not on a local file system, `EIO` and the like.
    ///
    /// # References
    ///
    /// [`fstat(2)`](https://man7.org/linux/man-pages/man2/stat.2.html)
    fn fstat(&self, fd: impl AsFd<Self::FdTable>) -> Result<Stat, Error> {
        with_told(self, Call::FSTAT, |address| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::FSTAT, [near(self, Call::FSTAT, &fd)?, address]) }
        })
    }
}

impl<K: far::Task + ?Sized> FileDescriptorTask for K {}

/// The reading and the writing end of a pipe of `K`.
pub type Ends<K> = (Fd<<K as far::Task>::FdTable>, Fd<<K as far::Task>::FdTable>);
