//! What calls have returned. A filter may have made it up: nothing is relied on that has not been looked at.
//!
//! # Safety
//!
//! 1. An fd that is [`received`] is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "takes over fds")]

use std::ffi::c_int;

use rustix::io::Errno;

use crate::far::{self, FdTable};
use crate::handle::Fd;
use crate::interface::{Call, Error, LOWEST, SyscallInterface, Whom};
use crate::near::Fd as NearFd;
use crate::task::Ends;

use super::{call, with_in_out};

/// What `name` has returned as the number of a process: positive.
#[inline(always)]
pub(in crate::task) fn positive(name: Call, answer: usize) -> Result<c_int, Error> {
    let number = c_int::try_from(answer).ok().filter(|number| *number > 0);
    number.ok_or(Error::os(name, Errno::NOSYS))
}

/// What `name` has returned as a part of the `room` it was given: not more than that.
#[inline]
pub(in crate::task) fn within(name: Call, answer: usize, room: usize) -> Result<usize, Error> {
    if answer <= room { Ok(answer) } else { Err(Error::os(name, Errno::NOSYS)) }
}

/// Takes ownership of an fd that a call returned, out of the way of 0, 1 and 2.
///
/// # Safety
///
/// Room (1).
#[inline]
pub(in crate::task) unsafe fn received<K: far::Task + ?Sized>(
    task: &K,
    number: usize,
) -> Result<Fd<K::FdTable>, Error> {
    let number = number as c_int;
    // SAFETY: by this function's contract.
    let number = if number >= LOWEST { number } else { unsafe { moved(task, number) }? };
    let near = slot(number);
    // SAFETY: by this function's contract.
    Ok(in_table_of(task, |table| unsafe { Fd::from_near(near, table) }))
}

/// As [`received`], of the two fds that `call` has the kernel write to the address it is given.
///
/// # Safety
///
/// Room (1), of both.
#[inline(always)]
pub(in crate::task) unsafe fn received_ends<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<Ends<K>, Error> {
    let mut numbers: [c_int; 2] = with_in_out(task, [-1; 2], call)?;
    if numbers.iter().any(|number| *number < LOWEST) {
        // SAFETY: by this function's contract.
        numbers = unsafe { moved_ends(task, name, numbers) }?;
    }
    let slot = |number| NearFd::new(number).ok_or(Error::os(name, Errno::NOSYS));
    let (first, second) = (slot(numbers[0])?, slot(numbers[1])?);
    Ok(in_table_of(task, |table| {
        // SAFETY: by this function's contract.
        let own = |near| unsafe { Fd::from_near(near, table) };
        (own(first), own(second))
    }))
}

fn slot<F>(number: c_int) -> NearFd<F> {
    NearFd::new(number).expect("the kernel returned an fd")
}

/// What is made with the task's table. That of the calling thread is this process's, which the compiler knows from
/// there on, and so how an fd of it is closed.
#[inline(always)]
fn in_table_of<K: far::Task + ?Sized, R>(
    task: &K,
    make: impl FnOnce(&FdTable<K::FdTable>) -> R,
) -> R {
    match task.interface().subject().whom() {
        Whom::ThisThread => make(&FdTable::of_host()),
        Whom::Child(_) | Whom::Unknown => make(task.fd_table()),
    }
}

/// Another number for an fd that a call has returned where 0, 1 and 2 were missing.
///
/// # Safety
///
/// Room (1).
#[cold]
#[inline(never)]
unsafe fn moved<K: far::Task + ?Sized>(task: &K, number: c_int) -> Result<c_int, Error> {
    let number = slot(number);
    let fcntl = |operation: c_int, argument: c_int| {
        let arguments = [number.as_raw() as usize, operation as usize, argument as usize];
        // SAFETY: passes numbers. The fd is the task's own, and open.
        unsafe { call(task, Call::FCNTL, arguments) }
    };
    let made_up = Error::os(Call::FCNTL, Errno::NOSYS);
    // What is opened here is close-on-exec. What is not is somebody else's: a filter has made the number up.
    if fcntl(libc::F_GETFD, 0)? & libc::FD_CLOEXEC as usize == 0 {
        return Err(made_up);
    }
    // SAFETY: by this function's contract.
    let fd = unsafe { Fd::from_near(number, task.fd_table()) };
    let copy = fcntl(libc::F_DUPFD_CLOEXEC, LOWEST)? as c_int;
    if copy < LOWEST {
        // Only a filter answers so. It may have made up the rest, too: then that is somebody else's to close.
        let _open = fd.into_near();
        return Err(made_up);
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
) -> Result<[c_int; 2], Error> {
    if numbers.iter().any(|number| *number < 0) {
        // Only a filter has such a call succeed without writing them.
        return Err(Error::os(name, Errno::NOSYS));
    }
    // SAFETY: by this function's contract.
    let [first, second] = numbers.map(|number| unsafe { received(task, number as usize) });
    let (first, second) = (first?, second?);
    Ok([first, second].map(|fd| fd.into_near().as_raw()))
}
