//! How arguments get to a task, and answers back.
//!
//! # Safety
//!
//! 1. An fd that is [`received`] is new, open in the task's table and nobody else's.
//! 2. What is lent to the kernel is borrowed while the call runs.
#![expect(unsafe_code, reason = "passes memory to the kernel")]

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::slice;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, Stat, StatFs, Statx};
use rustix::io::Errno;
use rustix::path;
use rustix::termios::Winsize;
use rustix::time::Timespec;

use crate::brand::Namespace;
use crate::buf::{Buf, BufMut, Vectors};
use crate::far::{
    self, AddressSpace, AddressSpaceMismatchError, FdTable, FdTableMismatchError,
    NamespaceMismatchError, PidNamespace, PidNamespaceMismatchError, Whose,
};
use crate::handle::{AsDirFd, AsFd, Cwd, Fd};
use crate::interface::{Call, Error, ErrorKind, KernelSigaction, LOWEST, SyscallInterface, procfs};
use crate::near::{AsPgid, AsPid, AsTid, Fd as NearFd};

use super::{Ends, FileDescriptorTask, MetadataTask};

/// The number of an fd for a call of `task`: where an id gives up its brand.
#[inline(always)]
pub(super) fn near<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    fd: &(impl AsFd<K::FdTable> + ?Sized),
) -> Result<usize, Error> {
    in_own_table(task, call, fd.table())?;
    Ok(fd.near_fd().as_raw() as usize)
}

/// As [`near`], of a directory.
#[inline(always)]
pub(super) fn dirfd<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    directory: &(impl AsDirFd<K::FdTable> + ?Sized),
) -> Result<usize, Error> {
    in_own_table(task, call, directory.table())?;
    Ok(directory.dirfd() as usize)
}

/// Sees to it that the fd of a call is one of the task's, if that is not said by its type.
#[inline(always)]
pub(super) fn in_own_table<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    table: Whose<'_, FdTable<K::FdTable>>,
) -> Result<(), Error> {
    let own = task.fd_table();
    let checked = K::FdTable::check(
        || table.fits(|table| table.is(own)),
        || FdTableMismatchError::between(own, table.known()).into(),
    );
    checked.map_err(|mismatch| mismatched(call, mismatch))
}

macro_rules! numbers {
    ($($name:ident $As:ident $what:literal)+) => {$(
        #[doc = concat!("The number of a ", $what, " for a call of `task`.")]
        #[inline(always)]
        pub(super) fn $name<K: far::Task + ?Sized>(
            task: &K,
            call: Call,
            id: &impl $As<K::PidNamespace>,
        ) -> Result<usize, Error> {
            in_own_pids(task, call, id.namespace())?;
            Ok(id.number().as_raw() as usize)
        }
    )+};
}

numbers! {
    pid_of AsPid "process"
    pgid_of AsPgid "process group"
    tid_of AsTid "thread"
}

/// Sees to it that the number of a process in a call is one of the task's, if that is not said by its type.
#[inline(always)]
fn in_own_pids<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    namespace: Whose<'_, PidNamespace<K::PidNamespace>>,
) -> Result<(), Error> {
    let checked = K::PidNamespace::check(
        || namespace.fits(|namespace| namespace.is(task.pid_namespace())),
        || PidNamespaceMismatchError::between(task.pid_namespace(), namespace.known()).into(),
    );
    checked.map_err(|mismatch| mismatched(call, mismatch))
}

/// Sees to it that memory in a call is the task's, if that is not said by its type.
#[inline(always)]
pub(crate) fn in_own_memory<K: far::Task + ?Sized, A>(
    task: &K,
    call: Call,
    space: Whose<'_, AddressSpace<A>>,
) -> Result<(), Error> {
    let checked = K::AddressSpace::check(
        || space.fits(|space| space.is(task.address_space())),
        || AddressSpaceMismatchError::between(task.address_space(), space.known()).into(),
    );
    checked.map_err(|mismatch| mismatched(call, mismatch))
}

/// The address and length of a buffer for a call of `task`.
#[inline(always)]
pub(super) fn near_buffer<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffer: &(impl Buf<K::AddressSpace> + ?Sized),
) -> Result<(usize, usize), Error> {
    in_own_memory(task, call, buffer.space())?;
    Ok((buffer.address().as_raw(), buffer.length()))
}

/// As [`near_buffer`], of one to be written to.
#[inline(always)]
pub(super) fn near_buffer_mut<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffer: &mut (impl BufMut<K::AddressSpace> + ?Sized),
) -> Result<(usize, usize), Error> {
    in_own_memory(task, call, buffer.space())?;
    let length = buffer.length();
    Ok((buffer.address_mut().as_raw(), length))
}

/// The list of several buffers for a call of `task`.
pub(super) fn near_buffers<'b, K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffers: &'b [impl Buf<K::AddressSpace>],
) -> Result<Vectors<'b>, Error> {
    buffers.iter().try_for_each(|buffer| in_own_memory(task, call, buffer.space()))?;
    Ok(Vectors::of(buffers))
}

/// As [`near_buffers`], of those to be written to.
pub(super) fn near_buffers_mut<'b, K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffers: &'b mut [impl BufMut<K::AddressSpace>],
) -> Result<Vectors<'b>, Error> {
    buffers.iter().try_for_each(|buffer| in_own_memory(task, call, buffer.space()))?;
    Ok(Vectors::of_mut(buffers))
}

#[cold]
fn mismatched(call: Call, mismatch: impl Into<NamespaceMismatchError>) -> Error {
    Error::new(call, ErrorKind::Mismatch(mismatch.into()))
}

/// Has `task` execute `call`.
///
/// # Safety
///
/// As [`SyscallInterface::syscall`].
#[inline(always)]
pub(super) unsafe fn call<K: far::Task + ?Sized, const N: usize>(
    task: &K,
    call: Call,
    arguments: [usize; N],
) -> Result<usize, Error> {
    // SAFETY: by this function's contract.
    unsafe { task.interface().syscall(call, arguments) }
}

/// Takes ownership of an fd that a call returned, out of the way of 0, 1 and 2.
///
/// # Safety
///
/// Room (1).
#[inline]
pub(super) unsafe fn received<K: far::Task + ?Sized>(
    task: &K,
    number: usize,
) -> Result<Fd<K::FdTable>, Error> {
    let number = number as c_int;
    // SAFETY: by this function's contract.
    let number = if number >= LOWEST { number } else { unsafe { moved(task, number) }? };
    // SAFETY: by this function's contract.
    Ok(unsafe { owned(task, slot(number)) })
}

/// As [`received`], of the two fds that `call` has the kernel write to the address it is given.
///
/// # Safety
///
/// Room (1), of both.
#[inline]
pub(super) unsafe fn received_ends<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<Ends<K>, Error> {
    let numbers: [c_int; 2] = with_in_out(task, [-1; 2], call)?;
    let [first, second] = match numbers.iter().all(|number| *number >= LOWEST) {
        true => numbers.map(slot),
        // SAFETY: by this function's contract.
        false => unsafe { moved_ends(task, name, numbers) }?,
    };
    // SAFETY: by this function's contract.
    let own = |near| unsafe { owned(task, near) };
    Ok((own(first), own(second)))
}

fn slot<F>(number: c_int) -> NearFd<F> {
    NearFd::new(number).expect("the kernel returned an fd")
}

/// Takes ownership of a slot of the task's table.
///
/// # Safety
///
/// Room (1).
#[inline]
unsafe fn owned<K: far::Task + ?Sized>(task: &K, near: NearFd<K::FdTable>) -> Fd<K::FdTable> {
    // Where it is this process's, the compiler knows it from here on, and so how the fd is closed.
    let host = FdTable::of_host();
    let table = if K::FdTable::IS_HOST { &host } else { task.fd_table() };
    // SAFETY: by this function's contract.
    unsafe { Fd::from_near(near, table) }
}

/// Another number for an fd that a call has returned where 0, 1 and 2 were missing.
///
/// # Safety
///
/// Room (1).
#[cold]
#[inline(never)]
unsafe fn moved<K: far::Task + ?Sized>(task: &K, number: c_int) -> Result<c_int, Error> {
    // SAFETY: by this function's contract.
    let fd = unsafe { owned(task, slot(number)) };
    let arguments = [number as usize, libc::F_DUPFD_CLOEXEC as usize, LOWEST as usize];
    // SAFETY: the fd is the task's own, and open.
    let copy = unsafe { call(task, Call::FCNTL, arguments) }? as c_int;
    if copy < LOWEST {
        // Only a filter answers so. It may have made up the first number, too: then that is somebody else's to close.
        let _open = fd.into_near();
        return Err(Error::os(Call::FCNTL, Errno::NOSYS));
    }
    Ok(copy)
}

/// Other numbers for two such fds, of which neither is left if the other cannot be kept.
///
/// # Safety
///
/// Room (1), of both.
#[cold]
#[inline(never)]
unsafe fn moved_ends<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    numbers: [c_int; 2],
) -> Result<[NearFd<K::FdTable>; 2], Error> {
    if numbers.iter().any(|number| *number < 0) {
        // Only a filter has such a call succeed without writing them.
        return Err(Error::os(name, Errno::NOSYS));
    }
    // SAFETY: by this function's contract.
    let [first, second] = numbers.map(|number| unsafe { received(task, number as usize) });
    let (first, second) = (first?, second?);
    Ok([first, second].map(Fd::into_near))
}

/// Runs `call` with the address of `path` in the task's memory.
#[inline]
pub(super) fn with_path<K: far::Task + ?Sized, R>(
    task: &K,
    name: Call,
    path: impl path::Arg,
    call: impl FnOnce(usize) -> Result<R, Error>,
) -> Result<R, Error> {
    let lend = |path: &CStr| Ok(task.interface().lend(path.to_bytes_with_nul(), call));
    path.into_with_c_str(lend).unwrap_or(Err(Error::new(name, ErrorKind::InteriorNul)))
}

/// As [`with_path`], for a call with two paths.
pub(super) fn with_paths<K: far::Task + ?Sized, R>(
    task: &K,
    name: Call,
    paths: (impl path::Arg, impl path::Arg),
    call: impl FnOnce(usize, usize) -> Result<R, Error>,
) -> Result<R, Error> {
    with_path(task, name, paths.0, |first| {
        with_path(task, name, paths.1, |second| call(first, second))
    })
}

/// Has `task` open a file of `/proc`: one of another file system counts as not there.
pub(super) fn open_in_proc<K: far::Task + ?Sized>(
    task: &K,
    path: &str,
    access: OFlags,
) -> Result<Fd<K::FdTable>, Error> {
    // Without waiting: it may be a FIFO.
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = task.openat(Cwd, path, flags, Mode::empty())?;
    if task.fstatfs(&file)?.f_type == procfs::PROCFS {
        Ok(file)
    } else {
        Err(Error::os(Call::OPENAT, Errno::NOENT))
    }
}

/// Has `task` write all of a text at once, as files of `/proc` take it.
pub(super) fn write_text<K: far::Task + ?Sized>(
    task: &K,
    file: &Fd<K::FdTable>,
    text: &str,
) -> Result<(), Error> {
    task.interface().lend(text.as_bytes(), |address| {
        // SAFETY: (2); the file is of the task's own table.
        unsafe { call(task, Call::WRITE, [near(task, Call::WRITE, file)?, address, text.len()]) }
            .map(drop)
    })
}

/// The argument for flags, if `call` may be given all of them.
pub(super) fn known<B: Into<u64>>(call: Call, bits: B, allowed: B) -> Result<usize, Error> {
    let bits = bits.into();
    if bits & !allowed.into() == 0 {
        Ok(bits as usize)
    } else {
        Err(Error::new(call, ErrorKind::UnknownFlags))
    }
}

/// What the kernel fills in: any bytes are valid for it.
///
/// # Safety
///
/// Every bit pattern is a value.
pub(super) unsafe trait Plain: Copy {}

// SAFETY: an integer.
unsafe impl Plain for c_int {}
// SAFETY: integers.
unsafe impl Plain for [c_int; 2] {}
// SAFETY: integers.
unsafe impl<const N: usize> Plain for [u8; N] {}
// SAFETY: integers.
unsafe impl Plain for [u64; 3] {}
// SAFETY: integers.
unsafe impl Plain for [i64; 4] {}
// SAFETY: a C struct of integers.
unsafe impl Plain for Stat {}
// SAFETY: a C struct of integers, some of them flags of which every bit is allowed.
unsafe impl Plain for Statx {}
// SAFETY: a C struct of integers.
unsafe impl Plain for StatFs {}
/// What the kernel writes is as large as libc says.
const _: () = {
    assert!(size_of::<Stat>() == size_of::<libc::stat>());
    assert!(size_of::<Statx>() == size_of::<libc::statx>());
    assert!(size_of::<StatFs>() == size_of::<libc::statfs>());
};
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::flock {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::rlimit64 {}
// SAFETY: C structs of integers.
unsafe impl Plain for [libc::rlimit64; 2] {}
// SAFETY: a C struct of integers; what it holds as pointers is read as such by nobody.
unsafe impl Plain for libc::siginfo_t {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::rusage {}
// SAFETY: a C struct of integers.
unsafe impl Plain for KernelSigaction {}
// SAFETY: an integer.
unsafe impl Plain for u64 {}
// SAFETY: a C struct of arrays of characters.
unsafe impl Plain for libc::utsname {}
/// What the kernel writes is as large as libc says.
const _: () = assert!(size_of::<libc::utsname>() == 6 * 65);
// SAFETY: an array of integers.
unsafe impl<const N: usize> Plain for [u32; N] {}

// SAFETY: an integer.
unsafe impl Plain for u8 {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::itimerspec {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::signalfd_siginfo {}
// SAFETY: a C struct of integers.
unsafe impl Plain for Timespec {}
const _: () = assert!(size_of::<Timespec>() == size_of::<libc::timespec>());
// SAFETY: a C struct of integers.
unsafe impl Plain for Winsize {}
const _: () = assert!(size_of::<Winsize>() == size_of::<libc::winsize>());

/// Runs `call` with the address of a `T` for the kernel to fill in.
pub(super) fn with_out<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<T, Error> {
    // SAFETY: zeroes are a value of a plain type.
    with_in_out(task, unsafe { MaybeUninit::zeroed().assume_init() }, call)
}

/// Runs `call` with the address of a copy of `value`, and returns what has become of it.
pub(super) fn with_in_out<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    mut value: T,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<T, Error> {
    with_lent(task, &mut value, call)?;
    Ok(value)
}

/// Runs `call` with the address at which the task finds `value`, and can change it.
pub(super) fn with_lent<K: far::Task + ?Sized, T: Plain, R>(
    task: &K,
    value: &mut T,
    call: impl FnOnce(usize) -> R,
) -> R {
    with_slice_mut(task, slice::from_mut(value), call)
}

/// Replaces what is in `bytes` by what `call` writes to an address with space for `size` of them.
///
/// # Safety
///
/// `call` returns how many bytes the kernel has written there, from the start.
pub(super) unsafe fn with_bytes_out<K: far::Task + ?Sized>(
    task: &K,
    bytes: &mut Vec<u8>,
    size: usize,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<(), Error> {
    bytes.clear();
    bytes.reserve(size);
    let written = task.interface().lend_mut(&mut bytes.spare_capacity_mut()[..size], call)?;
    // SAFETY: by this function's contract; not more than there is space for.
    unsafe { bytes.set_len(written.min(size)) };
    Ok(())
}

/// Runs `call` with the address of `values`, which it may change.
pub(super) fn with_slice_mut<K: far::Task + ?Sized, T: Plain, R>(
    task: &K,
    values: &mut [T],
    call: impl FnOnce(usize) -> R,
) -> R {
    // SAFETY: (2); the bytes of a slice of a plain type, which the kernel overwrites with bytes only.
    let lent = unsafe {
        slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val::<[T]>(values))
    };
    task.interface().lend_mut(lent, call)
}

/// Runs `call` with the address of a time limit, or 0 for none. The longest is 2⁶³ seconds.
pub(super) fn with_timeout<K: far::Task + ?Sized, R>(
    task: &K,
    timeout: Option<Duration>,
    call: impl FnOnce(usize) -> R,
) -> R {
    const LONGEST: Timespec = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
    match timeout {
        // Some calls write what was left of it.
        Some(limit) => with_slice_mut(task, &mut [limit.try_into().unwrap_or(LONGEST)], call),
        None => call(0),
    }
}
