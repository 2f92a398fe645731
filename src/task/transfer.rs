//! Bytes between a file and several buffers, and between two files.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, for as many bytes as the kernel reads or writes there, and so is
//!    the list of the buffers; the addresses in that list come from borrows of memory of the task's own
//!    address space, each with its length. The kernel keeps none of them after the call.
//! 3. Flags are masked to those that this room knows.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::io::{Errno, ReadWriteFlags};
use rustix::pipe::SpliceFlags;

use crate::buf::{Buf, BufMut, Vector, Vectors};
use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error, SyscallInterface};

use super::arguments::{call, known, near, near_buffers, near_buffers_mut, with_lent};

/// Calls that move bytes between a file and several buffers at once, or from one file to another.
///
/// Every fd has to be of the task's own fd table, both of them in the calls that have two, and every
/// buffer of its own address space: else the call does not compile. Several buffers are a slice of
/// references to them, or, where they are this process's memory, of std's [`IoSlice`](std::io::IoSlice) and
/// [`IoSliceMut`](std::io::IoSliceMut); if they are of several types, of [`IoBuf`](crate::buf::IoBuf) and
/// [`IoBufMut`](crate::buf::IoBufMut).
///
/// Every call can move fewer bytes than it is asked to, and says how many it has.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait TransferTask: far::Task {
    /// `readv(fd, buffers)`—reads at the file's offset into one buffer after the other, and moves the
    /// offset.
    ///
    /// Checked: `fd` is of this task's fd table, every buffer of its address space. Returns how many bytes
    /// were read in all; 0 is the end of the file.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// child.write(&writer, b"headbody")?;
    /// let (mut head, mut body) = ([0; 4], [0; 16]);
    /// assert_eq!(child.readv(&reader, &mut [&mut head[..], &mut body[..]])?, 8);
    /// assert_eq!((&head, &body[..4]), (b"head", &b"body"[..]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `readv`: as `read`; `EINVAL` for more than 1024 buffers.
    ///
    /// # References
    ///
    /// [`readv(2)`](https://man7.org/linux/man-pages/man2/readv.2.html)
    fn readv(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffers: &mut [impl BufMut<Self::AddressSpace>],
    ) -> Result<usize, Error> {
        with_vectors(self, near_buffers_mut(self, Call::READV, buffers)?, |vectors, count| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::READV, [near(self, Call::READV, &fd)?, vectors, count]) }
        })
    }

    /// `writev(fd, buffers)`—writes one buffer after the other at the file's offset, and moves the
    /// offset.
    ///
    /// Checked: `fd` is of this task's fd table, every buffer of its address space. What is written to a
    /// pipe is in one piece if it is 4096 bytes at most, as with `write`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// let (name, value) = ("colour", vec!["green"; 2].join(" and "));
    /// child.writev(&writer, &[name, "=", &value, "\n"])?;
    /// let mut line = [0; 64];
    /// let length = child.read(&reader, &mut line)?;
    /// assert_eq!(&line[..length], b"colour=green and green\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `writev`: as `write`; `EINVAL` for more than 1024 buffers.
    ///
    /// # References
    ///
    /// [`writev(2)`](https://man7.org/linux/man-pages/man2/readv.2.html)
    fn writev(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffers: &[impl Buf<Self::AddressSpace>],
    ) -> Result<usize, Error> {
        with_vectors(self, near_buffers(self, Call::WRITEV, buffers)?, |vectors, count| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::WRITEV, [near(self, Call::WRITEV, &fd)?, vectors, count]) }
        })
    }

    /// `preadv2(fd, buffers, offset, flags)`—reads at `offset` bytes from the start into one buffer after
    /// the other, leaving the file's own offset alone; or for `None` at the file's own offset.
    ///
    /// Checked: as [`readv`](Self::readv).
    ///
    /// # Errors
    ///
    /// Of `preadv2`: `EAGAIN` if it would have to wait in spite of `RWF_NOWAIT`, `EOPNOTSUPP` if the file
    /// does not know the flag, `ESPIPE` for an offset in a pipe or socket, `EINVAL` for one of 2⁶³ or more;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but `RWF_HIPRI` and `RWF_NOWAIT`.
    ///
    /// # References
    ///
    /// [`preadv2(2)`](https://man7.org/linux/man-pages/man2/readv.2.html)
    #[doc(alias = "preadv")]
    fn preadv2(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffers: &mut [impl BufMut<Self::AddressSpace>],
        offset: Option<u64>,
        flags: ReadWriteFlags,
    ) -> Result<usize, Error> {
        let allowed = ReadWriteFlags::HIPRI | ReadWriteFlags::NOWAIT;
        let flags = known(Call::PREADV2, flags.bits(), allowed.bits())?;
        let position = position(Call::PREADV2, offset)?;
        with_vectors(self, near_buffers_mut(self, Call::PREADV2, buffers)?, |vectors, count| {
            let arguments = [near(self, Call::PREADV2, &fd)?, vectors, count, position, 0, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::PREADV2, arguments) }
        })
    }

    /// `pwritev2(fd, buffers, offset, flags)`—writes one buffer after the other at `offset` bytes from the
    /// start, leaving the file's own offset alone; or for `None` at the file's own offset.
    ///
    /// Checked: as [`writev`](Self::writev). With [`ReadWriteFlags::APPEND`] it writes at the end of the
    /// file, and an `offset` says only that the file's own one does not move.
    ///
    /// # Errors
    ///
    /// Of `pwritev2`: `EAGAIN` if it would have to wait in spite of `RWF_NOWAIT`, `EOPNOTSUPP` if the file
    /// does not know the flag, `ESPIPE` for an offset in a pipe or socket, `EINVAL` for one of 2⁶³ or more;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`pwritev2(2)`](https://man7.org/linux/man-pages/man2/readv.2.html)
    #[doc(alias = "pwritev")]
    fn pwritev2(
        &self,
        fd: impl AsFd<Self::FdTable>,
        buffers: &[impl Buf<Self::AddressSpace>],
        offset: Option<u64>,
        flags: ReadWriteFlags,
    ) -> Result<usize, Error> {
        let flags = known(Call::PWRITEV2, flags.bits(), KNOWN_WRITE.bits())?;
        let position = position(Call::PWRITEV2, offset)?;
        with_vectors(self, near_buffers(self, Call::PWRITEV2, buffers)?, |vectors, count| {
            let arguments = [near(self, Call::PWRITEV2, &fd)?, vectors, count, position, 0, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::PWRITEV2, arguments) }
        })
    }

    /// `copy_file_range(input, input_offset, output, output_offset, length)`—copies up to `length` bytes
    /// from one file to another, or to another place in the same, without them passing through memory of
    /// ours; some file systems share the blocks instead.
    ///
    /// Checked: `input` and `output` are of this task's fd table. Where an offset is given, it is moved and
    /// the file's own is not; for `None` it is the other way round. Returns how many bytes were copied; 0
    /// is the end of the input, which files in `/proc` are at from the start.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let from = child.memfd_create("from", MemfdFlags::empty())?;
    /// let to = child.memfd_create("to", MemfdFlags::empty())?;
    /// child.write(&from, b"0123456789")?;
    /// let mut offset = 4;
    /// assert_eq!(child.copy_file_range(&from, Some(&mut offset), &to, None, 3)?, 3);
    /// assert_eq!(offset, 7);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `copy_file_range`: `EINVAL` if one of the two is not a regular file, if the ranges overlap in one
    /// file, and for an offset of 2⁶³ or more; `EXDEV` between file systems that cannot, `ENOSPC`, ...
    ///
    /// # References
    ///
    /// [`copy_file_range(2)`](https://man7.org/linux/man-pages/man2/copy_file_range.2.html)
    fn copy_file_range(
        &self,
        input: impl AsFd<Self::FdTable>,
        input_offset: Option<&mut u64>,
        output: impl AsFd<Self::FdTable>,
        output_offset: Option<&mut u64>,
        length: usize,
    ) -> Result<usize, Error> {
        let [input, output] = [
            near(self, Call::COPY_FILE_RANGE, &input)?,
            near(self, Call::COPY_FILE_RANGE, &output)?,
        ];
        with_offset(self, input_offset, |from| {
            with_offset(self, output_offset, |to| {
                // SAFETY: (1), (2)
                unsafe { call(self, Call::COPY_FILE_RANGE, [input, from, output, to, length, 0]) }
            })
        })
    }

    /// `splice(input, input_offset, output, output_offset, length, flags)`—moves up to `length` bytes from
    /// one file to another, without copying them if it can. One of the two has to be a pipe.
    ///
    /// Checked: `input` and `output` are of this task's fd table. Offsets are as of
    /// [`copy_file_range`](Self::copy_file_range). Returns how many bytes were moved; 0 is the end of the
    /// input.
    ///
    /// What goes from a file into a pipe may be the file's own pages: what is written to the file before
    /// the pipe is read may be what is read.
    ///
    /// # Errors
    ///
    /// Of `splice`: `EINVAL` if neither is a pipe, both are the same, or a file cannot be spliced; `ESPIPE`
    /// for the offset of a pipe; `EAGAIN` if it would have to wait and is not to; `EPIPE`, ...
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for `SPLICE_F_GIFT`, which is about memory, and
    /// for flags this library does not know.
    ///
    /// # References
    ///
    /// [`splice(2)`](https://man7.org/linux/man-pages/man2/splice.2.html)
    fn splice(
        &self,
        input: impl AsFd<Self::FdTable>,
        input_offset: Option<&mut u64>,
        output: impl AsFd<Self::FdTable>,
        output_offset: Option<&mut u64>,
        length: usize,
        flags: SpliceFlags,
    ) -> Result<usize, Error> {
        let flags = known(Call::SPLICE, flags.bits(), KNOWN_SPLICE.bits())?;
        let [input, output] =
            [near(self, Call::SPLICE, &input)?, near(self, Call::SPLICE, &output)?];
        with_offset(self, input_offset, |from| {
            with_offset(self, output_offset, |to| {
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::SPLICE, [input, from, output, to, length, flags]) }
            })
        })
    }

    /// `tee(input, output, length, flags)`—copies up to `length` bytes from one pipe to another, without
    /// taking them out of the first.
    ///
    /// Checked: `input` and `output` are of this task's fd table. Returns how many bytes were copied; 0 is
    /// an empty pipe without a writer.
    ///
    /// # Errors
    ///
    /// Of `tee`: `EINVAL` if one of them is not a pipe, or both are the same; `EAGAIN` if it would have to
    /// wait and is not to; `EPIPE`, ... [`UnknownFlags`](crate::ErrorKind::UnknownFlags) as of
    /// [`splice`](Self::splice).
    ///
    /// # References
    ///
    /// [`tee(2)`](https://man7.org/linux/man-pages/man2/tee.2.html)
    fn tee(
        &self,
        input: impl AsFd<Self::FdTable>,
        output: impl AsFd<Self::FdTable>,
        length: usize,
        flags: SpliceFlags,
    ) -> Result<usize, Error> {
        let flags = known(Call::TEE, flags.bits(), KNOWN_SPLICE.bits())?;
        let arguments =
            [near(self, Call::TEE, &input)?, near(self, Call::TEE, &output)?, length, flags];
        // SAFETY: (1), (3)
        unsafe { call(self, Call::TEE, arguments) }
    }

    /// `sendfile(output, input, offset, length)`—copies up to `length` bytes of a file to any other, such
    /// as a socket or a pipe.
    ///
    /// Checked: `output` and `input` are of this task's fd table. If an offset of the input is given, it is
    /// moved and the file's own is not. Returns how many bytes were copied; 0 is the end of the input.
    ///
    /// What goes into a socket or a pipe may be the file's own pages, as of [`splice`](Self::splice).
    ///
    /// # Errors
    ///
    /// Of `sendfile`: `EINVAL` if the input cannot be spliced, the output has `O_APPEND`, or for an offset
    /// of 2⁶³ or more; `EAGAIN`, `EPIPE`, ...
    ///
    /// # References
    ///
    /// [`sendfile(2)`](https://man7.org/linux/man-pages/man2/sendfile.2.html)
    fn sendfile(
        &self,
        output: impl AsFd<Self::FdTable>,
        input: impl AsFd<Self::FdTable>,
        offset: Option<&mut u64>,
        length: usize,
    ) -> Result<usize, Error> {
        let [output, input] =
            [near(self, Call::SENDFILE, &output)?, near(self, Call::SENDFILE, &input)?];
        with_offset(self, offset, |offset| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::SENDFILE, [output, input, offset, length]) }
        })
    }
}

impl<K: far::Task + ?Sized> TransferTask for K {}

const KNOWN_WRITE: ReadWriteFlags = ReadWriteFlags::APPEND
    .union(ReadWriteFlags::DSYNC)
    .union(ReadWriteFlags::HIPRI)
    .union(ReadWriteFlags::NOWAIT)
    .union(ReadWriteFlags::SYNC);

const KNOWN_SPLICE: SpliceFlags =
    SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK).union(SpliceFlags::MORE);

/// Runs `call` with the address of a list of buffers, and how many they are.
fn with_vectors<K: far::Task + ?Sized, R>(
    task: &K,
    vectors: Vectors<'_>,
    call: impl FnOnce(usize, usize) -> R,
) -> R {
    let vectors = vectors.as_slice();
    task.interface().lend(Vector::as_bytes(vectors), |address| call(address, vectors.len()))
}

/// The argument for an offset; -1 is the file's own.
fn position(call: Call, offset: Option<u64>) -> Result<usize, Error> {
    match offset.map(i64::try_from) {
        None => Ok(usize::MAX),
        Some(Ok(offset)) => Ok(offset as usize),
        Some(Err(_)) => Err(Error::os(call, Errno::INVAL)),
    }
}

/// Runs `call` with the address of an offset that the kernel moves; null without one.
fn with_offset<K: far::Task + ?Sized, R>(
    task: &K,
    offset: Option<&mut u64>,
    call: impl FnOnce(usize) -> R,
) -> R {
    match offset {
        Some(offset) => with_lent(task, offset, call),
        None => call(0),
    }
}
