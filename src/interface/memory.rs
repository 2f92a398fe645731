//! What this program does in another process's place: copies of its memory and of its fds.
//!
//! # Safety
//!
//! 1. A vector of this program's side is a borrowed buffer, mutably if it is written to.
//! 2. std promises that an `IoSlice` and an `IoSliceMut` are laid out as `struct iovec`.
//! 3. A pid in a call is that of a child which has not been reaped before the call and after it, so
//!    that nobody else has had it meanwhile; or this process's own.
#![expect(unsafe_code, reason = "calls that rustix does not have")]

use std::borrow::Cow;
use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::slice;
use std::time::Duration;

use rustix::io::Errno;

use super::{Call, Error, ErrorKind, Local, Process, SyscallInterface};

/// A range of a process's memory, as numbers: a `struct iovec` of the side that is not this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RemoteIoVec {
    /// Where it starts, in that process.
    pub address: usize,
    /// How many bytes it has.
    pub length: usize,
}

const _: () = {
    assert!(size_of::<RemoteIoVec>() == size_of::<libc::iovec>());
    assert!(offset_of!(RemoteIoVec, address) == offset_of!(libc::iovec, iov_base));
    assert!(offset_of!(RemoteIoVec, length) == offset_of!(libc::iovec, iov_len));
};

/// How many ranges one call takes (`UIO_MAXIOV`).
const MOST: usize = 1024;

/// Fds that calls return, or that come from elsewhere, are this or above.
pub(crate) const LOWEST: c_int = 3;

/// Copies from the memory of this process.
///
/// # Safety
///
/// As [`SyscallInterface::read_memory`].
pub(super) unsafe fn read_own(
    from: &[RemoteIoVec],
    into: &mut [IoSliceMut<'_>],
) -> Result<usize, Error> {
    // SAFETY: (2), (3); by this function's contract.
    unsafe { copy(Call::PROCESS_VM_READV, std::process::id() as c_int, as_ranges(into), from) }
}

/// Copies to the memory of this process.
///
/// # Safety
///
/// As [`SyscallInterface::write_memory`].
pub(super) unsafe fn write_own(from: &[IoSlice<'_>], to: &[RemoteIoVec]) -> Result<usize, Error> {
    // SAFETY: (2), (3); by this function's contract.
    unsafe { copy(Call::PROCESS_VM_WRITEV, std::process::id() as c_int, as_ranges(from), to) }
}

/// Copies from the memory of a child that is driven.
///
/// # Safety
///
/// As [`SyscallInterface::read_memory`].
pub(super) unsafe fn read(
    process: &Process,
    from: &[RemoteIoVec],
    into: &mut [IoSliceMut<'_>],
) -> Result<usize, Error> {
    of_living(process, Call::PROCESS_VM_READV, |pid| {
        // SAFETY: (2), (3); by this function's contract.
        unsafe { copy(Call::PROCESS_VM_READV, pid, as_ranges(into), from) }
    })
}

/// Copies to the memory of a child that is driven.
///
/// # Safety
///
/// As [`SyscallInterface::write_memory`].
pub(super) unsafe fn write(
    process: &Process,
    from: &[IoSlice<'_>],
    to: &[RemoteIoVec],
) -> Result<usize, Error> {
    of_living(process, Call::PROCESS_VM_WRITEV, |pid| {
        // SAFETY: (2), (3); by this function's contract.
        unsafe { copy(Call::PROCESS_VM_WRITEV, pid, as_ranges(from), to) }
    })
}

/// A copy of an fd of this process's table.
///
/// # Safety
///
/// As [`SyscallInterface::copy_fd`].
pub(super) unsafe fn copy_own_fd(number: c_int) -> Result<OwnedFd, Error> {
    // SAFETY: by this function's contract.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    copy_above_stdio(fd).map_err(|errno| Error::os(Call::FCNTL, errno))
}

/// Another fd of the same open file, in this process's table, and out of the way of 0, 1 and 2.
pub(super) fn copy_above_stdio(fd: impl AsFd) -> Result<OwnedFd, Errno> {
    let copy = rustix::io::fcntl_dupfd_cloexec(fd, LOWEST)?;
    if copy.as_raw_fd() < LOWEST {
        // Only a filter answers so, and what has this number is somebody else's to close.
        let _open = copy.into_raw_fd();
        return Err(Errno::NOSYS);
    }
    Ok(copy)
}

/// A copy of an fd of the table of a child that is driven, which is not this process's.
///
/// # Safety
///
/// As [`SyscallInterface::copy_fd`].
pub(super) unsafe fn copy_fd(process: &Process, number: c_int) -> Result<OwnedFd, Error> {
    if is_gone(process)? {
        return Err(Error::new(Call::PIDFD_GETFD, ErrorKind::NotSent));
    }
    let arguments = [process.pidfd().as_raw_fd() as usize, number as usize, 0];
    // SAFETY: by this function's contract. The pidfd is the child's, whatever has become of its pid.
    let copy = unsafe { Local::new().syscall(Call::PIDFD_GETFD, arguments) };
    let copy = copy.map_err(|error| explain(Call::PIDFD_GETFD, error))?;
    let copy = opened_here(Call::PIDFD_GETFD, copy)?;
    // SAFETY: new, and nobody else knows of it.
    let copy = unsafe { OwnedFd::from_raw_fd(copy) };
    if copy.as_raw_fd() >= LOWEST {
        return Ok(copy);
    }
    copy_above_stdio(copy).map_err(|errno| Error::os(Call::FCNTL, errno))
}

/// The number of an fd that a call has opened in this process's table, close-on-exec. At 0, 1 and 2, what is not so is
/// somebody else's: a filter has made the number up.
pub(super) fn opened_here(call: Call, number: usize) -> Result<c_int, Error> {
    let number = number as c_int;
    let is_made_up =
        || own_fd_flags(number).is_ok_and(|flags| flags & libc::FD_CLOEXEC as usize == 0);
    if number < 0 || number < LOWEST && is_made_up() {
        return Err(Error::os(call, Errno::NOSYS));
    }
    Ok(number)
}

/// The flags of an fd of this process's table; `EBADF` if there is none at this number.
pub(super) fn own_fd_flags(number: c_int) -> Result<usize, Error> {
    // SAFETY: passes numbers, and changes nothing.
    unsafe { Local::new().syscall(Call::FCNTL, [number as usize, libc::F_GETFD as usize]) }
}

/// Runs `copy` with the pid of a child, which is its own before and after.
fn of_living(
    process: &Process,
    call: Call,
    copy: impl FnOnce(c_int) -> Result<usize, Error>,
) -> Result<usize, Error> {
    let _number = process.keep_number();
    if is_gone(process)? {
        return Err(Error::new(call, ErrorKind::NotSent));
    }
    let copied = copy(process.pid().as_raw());
    if is_gone(process)? {
        return Err(Error::new(call, ErrorKind::Hangup));
    }
    copied.map_err(|error| explain(call, error))
}

/// Whether a child has ended, or is not this process's but that of the one this was forked from.
fn is_gone(process: &Process) -> Result<bool, Error> {
    Ok(!process.is_ours() || process.ends_within(Some(Duration::ZERO))?)
}

/// A child that is on its way out has neither memory nor fds any more.
fn explain(call: Call, error: Error) -> Error {
    match error.errno() {
        Some(Errno::SRCH) => Error::new(call, ErrorKind::Hangup),
        _ => error,
    }
}

/// Copies until one of the sides is at its end, or something is in the way.
///
/// # Safety
///
/// `local` is (1), `pid` is (3), and the owner of what is `remote` agrees.
unsafe fn copy(
    call: Call,
    pid: c_int,
    local: &[RemoteIoVec],
    remote: &[RemoteIoVec],
) -> Result<usize, Error> {
    let wanted = total(local).min(total(remote));
    let mut copied = 0;
    while copied < wanted {
        let (here, there) = (rest(local, copied), rest(remote, copied));
        let arguments = [
            pid as usize,
            here.as_ptr().expose_provenance(),
            here.len(),
            there.as_ptr().expose_provenance(),
            there.len(),
            0,
        ];
        // SAFETY: by this function's contract; the two lists are read, and borrowed meanwhile.
        match unsafe { Local::new().syscall(call, arguments) } {
            Ok(0) => break,
            Ok(more) => copied += more,
            Err(error) if copied == 0 => return Err(error),
            // It has stopped here.
            Err(_) => break,
        }
    }
    Ok(copied)
}

fn total(ranges: &[RemoteIoVec]) -> usize {
    ranges.iter().fold(0, |total: usize, range| total.saturating_add(range.length))
}

/// What is left of the ranges after so many bytes, in as far as one call takes it: at least one that is not
/// empty, if there is any.
fn rest(ranges: &[RemoteIoVec], mut behind: usize) -> Cow<'_, [RemoteIoVec]> {
    if behind == 0 && ranges.len() <= MOST {
        return Cow::Borrowed(ranges);
    }
    let left = ranges.iter().filter_map(|range| {
        let skipped = behind.min(range.length);
        behind -= skipped;
        let left = RemoteIoVec {
            address: range.address.wrapping_add(skipped),
            length: range.length - skipped,
        };
        (left.length > 0).then_some(left)
    });
    Cow::Owned(left.take(MOST).collect())
}

/// Buffers of this program as the ranges that they are.
trait Buffer {}
impl Buffer for IoSlice<'_> {}
impl Buffer for IoSliceMut<'_> {}

fn as_ranges<B: Buffer>(buffers: &[B]) -> &[RemoteIoVec] {
    // SAFETY: (2): an address and a length.
    unsafe { slice::from_raw_parts(buffers.as_ptr().cast(), buffers.len()) }
}
