//! Many fds at once, by their numbers.
//!
//! # Safety
//!
//! 1. No slot is closed that anybody has a number of, and the table stays the task's.
#![expect(unsafe_code, reason = "syscalls")]

use crate::far;
use crate::interface::{Call, Error};
use crate::task::arguments::call;

/// Calls on all fds between two numbers.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait CloseRangeTask: far::Task {
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
        // SAFETY: (1); it closes none.
        unsafe { call(self, Call::CLOSE_RANGE, arguments) }.map(drop)
    }

    /// `close_range(first, last, 0)`—closes every open fd from the number `first` to `last`, both
    /// included.
    ///
    /// A new table is made without what is not wanted in it by
    /// [`unshare_files`](crate::task::UnshareFilesTask::unshare_files), and a program gets nothing but what is
    /// listed at its [`exec`](crate::task::Exec::fd): neither needs this. It is for what this library does not
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
        // SAFETY: (1) by this function's contract.
        unsafe { call(self, Call::CLOSE_RANGE, [first as usize, last as usize, 0]) }.map(drop)
    }
}

impl<K: far::Task + ?Sized> CloseRangeTask for K {}
