//! `getsockopt` and `setsockopt` as the kernel takes them.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, with its length; no option of `options` has the kernel keep one after
//!    the call, or contains a pointer.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::mem::offset_of;
use std::time::Duration;

use rustix::io::Errno;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error};
use crate::task::arguments::{Plain, call, near, with_in_out};

/// The value of an option, for the kernel to write, and its length.
#[derive(Clone, Copy)]
#[repr(C)]
struct Answer<T> {
    value: T,
    length: libc::socklen_t,
}

// SAFETY: a C struct of an integer and what is plain itself.
unsafe impl<T: Plain> Plain for Answer<T> {}

const _: () = {
    assert!(size_of::<[i64; 2]>() == size_of::<libc::timeval>());
    assert!(offset_of!(libc::timeval, tv_sec) == 0);
    assert!(size_of::<[c_int; 2]>() == size_of::<libc::linger>());
    assert!(offset_of!(libc::linger, l_onoff) == 0);
};

pub(super) fn get<K: far::Task + ?Sized, T: Plain + Default>(
    task: &K,
    socket: &impl AsFd<K::FdTable>,
    level: c_int,
    option: c_int,
) -> Result<T, Error> {
    let length = size_of::<T>() as libc::socklen_t;
    let answer = with_in_out(task, Answer { value: T::default(), length }, |at| {
        let value = at + offset_of!(Answer<T>, value);
        let length = at + offset_of!(Answer<T>, length);
        let arguments =
            [near(task, Call::GETSOCKOPT, socket)?, level as usize, option as usize, value, length];
        // SAFETY: (1), (2)
        unsafe { call(task, Call::GETSOCKOPT, arguments) }
    })?;
    Ok(answer.value)
}

pub(super) fn set<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    socket: &impl AsFd<K::FdTable>,
    level: c_int,
    option: c_int,
    value: T,
) -> Result<(), Error> {
    with_in_out(task, value, |value| {
        let arguments = [
            near(task, Call::SETSOCKOPT, socket)?,
            level as usize,
            option as usize,
            value,
            size_of::<T>(),
        ];
        // SAFETY: (1), (2)
        unsafe { call(task, Call::SETSOCKOPT, arguments) }
    })
    .map(drop)
}

pub(super) fn invalid() -> Error {
    Error::os(Call::SETSOCKOPT, Errno::INVAL)
}

/// To the kernel, zero is for ever.
pub(super) fn to_timeval(limit: Option<Duration>) -> Result<[i64; 2], Error> {
    let Some(limit) = limit else { return Ok([0, 0]) };
    if limit.is_zero() {
        return Err(invalid());
    }
    let limit = limit.saturating_add(Duration::from_nanos(999));
    Ok([limit.as_secs().try_into().unwrap_or(i64::MAX), limit.subsec_micros().into()])
}

pub(super) fn from_timeval([seconds, microseconds]: [i64; 2]) -> Option<Duration> {
    let limit = Duration::from_secs(seconds as u64) + Duration::from_micros(microseconds as u64);
    (!limit.is_zero()).then_some(limit)
}
