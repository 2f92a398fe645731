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

use std::ffi::c_int;

use rustix::fs::{Mode, OFlags, SealFlags, SeekFrom, Stat};
use rustix::io::{Errno, FdFlags};
use rustix::path;
use rustix::pipe::PipeFlags;

use crate::buf::{Buf, BufMut};
use crate::far;
use crate::handle::{AsDirFd, AsFd, Fd, IntoFd};
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};

use super::arguments::{
    LOWEST, call, dirfd, in_own_table, known, near, near_buffer, near_buffer_mut, received,
    with_in_out, with_out, with_path,
};

/// Calls on file descriptors.
///
/// Every fd has to be of the task's own fd table, and every buffer of its own address space: else
/// the call does not compile. Every fd that a call returns is close-on-exec, and never 0, 1 or 2,
/// which cross into a new table without being listed.
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
    /// Of `openat`; [`UnknownFlags`](ErrorKind::UnknownFlags) for `O_ASYNC`, whose signals would reach
    /// a task that blocks them all, and for flags this library does not know.
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
    /// Of `read`.
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
    /// Of `write`.
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
    /// Of `dup3`.
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
    #[inline]
    fn pipe2(&self, flags: PipeFlags) -> Result<Ends<Self>, Error> {
        let allowed = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK | PipeFlags::DIRECT;
        let flags =
            known(Call::PIPE2, flags.bits(), allowed.bits())? | PipeFlags::CLOEXEC.bits() as usize;
        let ends: [c_int; 2] = with_out(self, |address| {
            // SAFETY: (2), (3)
            unsafe { call(self, Call::PIPE2, [address, flags]) }
        })?;
        // SAFETY: (4)
        let reader = unsafe { received(self, ends[0] as usize) };
        // SAFETY: (4); also when the reader could not be kept.
        let writer = unsafe { received(self, ends[1] as usize) };
        Ok((reader?, writer?))
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
    /// Of `fstat`.
    ///
    /// # References
    ///
    /// [`fstat(2)`](https://man7.org/linux/man-pages/man2/stat.2.html)
    fn fstat(&self, fd: impl AsFd<Self::FdTable>) -> Result<Stat, Error> {
        with_out(self, |address| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::FSTAT, [near(self, Call::FSTAT, &fd)?, address]) }
        })
    }

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
    /// Of `fcntl`.
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
    /// Of `fcntl`; [`UnknownFlags`](ErrorKind::UnknownFlags) for anything but `FD_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`F_SETFD(2const)`](https://man7.org/linux/man-pages/man2/F_GETFD.2const.html)
    fn fcntl_setfd(&self, fd: impl AsFd<Self::FdTable>, flags: FdFlags) -> Result<(), Error> {
        let flags = known(Call::FCNTL, flags.bits(), FdFlags::CLOEXEC.bits())?;
        fcntl(self, &fd, libc::F_SETFD, flags).map(drop)
    }

    /// `close_range(first, last, CLOSE_RANGE_CLOEXEC)`—marks every open fd from the number `first` to
    /// `last`, both included, to be closed by an exec.
    ///
    /// It closes nothing now, and numbers that are not open do not matter; `u32::MAX` is the end of every
    /// table. For this library's own exec the flag has no meaning, except for 0, 1 and 2: it passes on what it
    /// is told to. In this process's table it keeps fds of other libraries from programs that these
    /// start.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    /// here.fcntl_setfd(&reader, FdFlags::empty())?; // As another library may have left it.
    /// here.close_range_cloexec(3, u32::MAX)?;
    /// assert_eq!(here.fcntl_getfd(&reader)?, FdFlags::CLOEXEC);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `close_range`: `EINVAL` if `first` is above `last`.
    ///
    /// # References
    ///
    /// [`close_range(2)`](https://man7.org/linux/man-pages/man2/close_range.2.html)
    #[doc(alias = "close_range")]
    #[doc(alias = "CLOSE_RANGE_CLOEXEC")]
    fn close_range_cloexec(&self, first: u32, last: u32) -> Result<(), Error> {
        let arguments = [first as usize, last as usize, libc::CLOSE_RANGE_CLOEXEC as usize];
        // SAFETY: (3); no slot is closed, and the table stays the task's.
        unsafe { call(self, Call::CLOSE_RANGE, arguments) }.map(drop)
    }

    /// `close_range(first, last, 0)`—closes every open fd from the number `first` to `last`, both
    /// included.
    ///
    /// A new table is made without what is not wanted in it by
    /// [`unshare_files`](super::UnshareFilesTask::unshare_files), and a program gets nothing but what is
    /// listed at its [`exec`](super::Exec::fd): neither needs this. It is for what this library does not
    /// know, such as slots that `unsafe` code of another library has left open.
    ///
    /// # Safety
    ///
    /// Nobody owns or borrows an fd from `first` to `last` in the task's table, or comes to while the call
    /// runs: no handle of this library, and in this process's table nothing of std's or of other
    /// libraries; also none that has just been dropped. Their numbers would be somebody else's files.
    ///
    /// # Errors
    ///
    /// Of `close_range`: `EINVAL` if `first` is above `last`. What `close` says of each fd is lost.
    ///
    /// # References
    ///
    /// [`close_range(2)`](https://man7.org/linux/man-pages/man2/close_range.2.html)
    unsafe fn close_range(&self, first: u32, last: u32) -> Result<(), Error> {
        // SAFETY: (1) by this function's contract: nobody has a number that it closes.
        unsafe { call(self, Call::CLOSE_RANGE, [first as usize, last as usize, 0]) }.map(drop)
    }

    /// `fcntl(fd, F_GETFL)`—access mode and status flags of the open file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fcntl`.
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
    /// Of `fcntl`; [`UnknownFlags`](ErrorKind::UnknownFlags) for `O_ASYNC`, whose signals would reach
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
    /// [`UnknownFlags`](ErrorKind::UnknownFlags) for those that this library does not know.
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
        const F_DUPFD_QUERY: c_int = 1024 + 3;
        Ok(fcntl(self, &fd, F_DUPFD_QUERY, near(self, Call::FCNTL, &other)?)? == 1)
    }
}

impl<K: far::Task + ?Sized> FileDescriptorTask for K {}

/// The reading and the writing end of a pipe of `K`.
pub type Ends<K> = (Fd<<K as far::Task>::FdTable>, Fd<<K as far::Task>::FdTable>);

/// A range of a file, to be locked: [`FileDescriptorTask::fcntl_ofd_setlk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// What kind of lock.
    pub kind: LockKind,
    /// Its first byte, from the start of the file.
    pub start: u64,
    /// How many bytes; 0 is up to the end, however far the file grows.
    pub length: u64,
}

/// The kind of a [`Lock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Any number of open files can have it (`F_RDLCK`).
    Shared,
    /// Only one can (`F_WRLCK`).
    Exclusive,
    /// None: gives up a lock (`F_UNLCK`).
    Unlocked,
}

#[inline]
pub(super) fn known_open_flags(call: Call, flags: OFlags) -> Result<OFlags, Error> {
    let known = OFlags::ACCMODE
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::DIRECTORY
        | OFlags::DSYNC
        | OFlags::EXCL
        | OFlags::NOATIME
        | OFlags::NOCTTY
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::PATH
        | OFlags::SYNC
        | OFlags::TMPFILE
        | OFlags::TRUNC
        | OFlags::DIRECT
        | OFlags::CLOEXEC
        | OFlags::from_bits_retain(LARGEFILE);
    if known.contains(flags) { Ok(flags) } else { Err(Error::new(call, ErrorKind::UnknownFlags)) }
}

const KNOWN_SEALS: SealFlags = SealFlags::SEAL
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::WRITE)
    .union(SealFlags::FUTURE_WRITE)
    .union(SealFlags::EXEC);

/// The kernel's `O_LARGEFILE`, which it reports but libc defines as 0.
const LARGEFILE: u32 = 0o100_000;

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
