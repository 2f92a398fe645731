//! Memory of this program's, lent to the kernel while a call runs.
//!
//! # Safety
//!
//! 1. What is lent to the kernel is borrowed while the call runs.
#![expect(unsafe_code, reason = "passes memory to the kernel")]

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::slice;
use std::time::Duration;

use rustix::io::Errno;
use rustix::path;
use rustix::time::Timespec;

use crate::far;
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};

use super::within;

/// Runs `call` with the address of `path` in the task's memory.
#[inline]
pub(in crate::task) fn with_path<K: far::Task + ?Sized, R>(
    task: &K,
    name: Call,
    path: impl path::Arg,
    call: impl FnOnce(usize) -> Result<R, Error>,
) -> Result<R, Error> {
    let lend = |path: &CStr| Ok(task.interface().lend(path.to_bytes_with_nul(), call));
    path.into_with_c_str(lend).unwrap_or(Err(Error::new(name, ErrorKind::InteriorNul)))
}

/// As [`with_path`], for a call with two paths.
pub(in crate::task) fn with_paths<K: far::Task + ?Sized, R>(
    task: &K,
    name: Call,
    paths: (impl path::Arg, impl path::Arg),
    call: impl FnOnce(usize, usize) -> Result<R, Error>,
) -> Result<R, Error> {
    with_path(task, name, paths.0, |first| {
        with_path(task, name, paths.1, |second| call(first, second))
    })
}

/// What the kernel fills in: any bytes are valid for it.
///
/// # Safety
///
/// Every bit pattern is a value.
pub(in crate::task) unsafe trait Plain: Copy {}

// SAFETY: an integer.
unsafe impl Plain for u8 {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
// SAFETY: an integer.
unsafe impl Plain for u64 {}
// SAFETY: an integer.
unsafe impl Plain for i64 {}
// SAFETY: an integer.
unsafe impl Plain for c_int {}
// SAFETY: each part of it is.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}
// SAFETY: a C struct of integers.
unsafe impl Plain for Timespec {}
const _: () = assert!(size_of::<Timespec>() == size_of::<libc::timespec>());

/// Runs `call` with the address of a `T` for the kernel to fill in.
pub(in crate::task) fn with_out<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<T, Error> {
    // SAFETY: zeroes are a value of a plain type.
    with_in_out(task, unsafe { MaybeUninit::zeroed().assume_init() }, call)
}

/// What the kernel writes as a whole, and shows by a part of it that it has.
///
/// # Safety
///
/// The 8 bytes at the offset are of the type, and the kernel never writes ones only there. A call that it is used with
/// writes the whole of the type, or nothing.
pub(in crate::task) unsafe trait Told: Plain {
    /// Where these bytes are.
    const SIGN: usize;
}

/// As [`with_out`], of a call that writes as the last thing it does: what it has written is its answer, whatever
/// else is said of it, and a success without that is none.
#[inline(always)]
pub(in crate::task) fn with_told<K: far::Task + ?Sized, T: Told>(
    task: &K,
    name: Call,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<T, Error> {
    const NOT_TOLD: u64 = u64::MAX;
    let mut told = MaybeUninit::<T>::uninit();
    let place = told.as_mut_ptr();
    // SAFETY: of the type.
    let sign: *mut u64 = unsafe { place.byte_add(T::SIGN) }.cast();
    // SAFETY: as above.
    unsafe { sign.write_unaligned(NOT_TOLD) };
    // SAFETY: (1); bytes that need not be initialised.
    let lent = unsafe { slice::from_raw_parts_mut(place.cast(), size_of::<T>()) };
    let answer = task.interface().lend_mut(lent, call);
    // SAFETY: as above, and written to.
    if unsafe { sign.read_unaligned() } == NOT_TOLD {
        return Err(answer.err().unwrap_or(Error::os(name, Errno::NOSYS)));
    }
    // SAFETY: the kernel has written the sign, and so all of it.
    Ok(unsafe { told.assume_init() })
}

/// Runs `call` with the address of a copy of `value`, and returns what has become of it.
pub(in crate::task) fn with_in_out<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    mut value: T,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<T, Error> {
    with_lent(task, &mut value, call)?;
    Ok(value)
}

/// Runs `call` with the address at which the task finds `value`, and can change it.
pub(in crate::task) fn with_lent<K: far::Task + ?Sized, T: Plain, R>(
    task: &K,
    value: &mut T,
    call: impl FnOnce(usize) -> R,
) -> R {
    with_slice_mut(task, slice::from_mut(value), call)
}

/// Replaces what is in `bytes` by what `call` writes to an address with space for `size` of them: as many as it
/// returns, from the start.
pub(in crate::task) fn with_bytes_out<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    bytes: &mut Vec<u8>,
    size: usize,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<(), Error> {
    bytes.clear();
    // A filter may have made the answer up.
    bytes.resize(size, 0);
    let written = with_slice_mut(task, bytes, call).and_then(|written| within(name, written, size));
    bytes.truncate(*written.as_ref().unwrap_or(&0));
    written.map(drop)
}

/// What `call` writes to an address, with space for the first of these sizes, or for the next one if `too_small` says
/// so.
pub(in crate::task) fn with_bytes_of_sizes<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    sizes: &[usize],
    too_small: Errno,
    call: impl Fn(usize, usize) -> Result<usize, Error>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut written = Ok(());
    for &size in sizes {
        written = with_bytes_out(task, name, &mut bytes, size, |address| call(address, size));
        if written.as_ref().err().and_then(Error::errno) != Some(too_small) {
            break;
        }
    }
    bytes.shrink_to_fit();
    written.map(|()| bytes)
}

/// Runs `call` with the address of `values`, which it may change.
pub(in crate::task) fn with_slice_mut<K: far::Task + ?Sized, T: Plain, R>(
    task: &K,
    values: &mut [T],
    call: impl FnOnce(usize) -> R,
) -> R {
    // SAFETY: (1); the bytes of a slice of a plain type, which the kernel overwrites with bytes only.
    let lent = unsafe {
        slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val::<[T]>(values))
    };
    task.interface().lend_mut(lent, call)
}

/// Runs `call` with the address of a time limit, or 0 for none. The longest is 2⁶³ seconds.
pub(in crate::task) fn with_timeout<K: far::Task + ?Sized, R>(
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
