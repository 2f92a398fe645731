//! Descriptors: owned, borrowed, and whatever else can be used as one.
//!
//! # Safety
//!
//! 1. An [`Fd<F>`] is the only owner of an open slot of the table `F`, which is the one its
//!    `table` identifies; the slot stays open until the handle is dropped or given up.
//! 2. [`AsFd<F>`] is implemented here and in the std bridge only, each for fds of that very `F`. Another
//!    crate can implement it for an `F` of its own, but not for a [`Brand`](crate::Brand), and no task
//!    has any other table.
//! 3. A [`BorrowedFd<'fd, F>`] names a slot of `F` that its owner keeps open for `'fd`.
#![expect(unsafe_code, reason = "closes what it owns")]

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use super::sealed::Sealed;
use crate::brand::{HostFds, Namespace};
use crate::far::FdTable;
use crate::interface::{Call, Local, SyscallInterface};
use crate::near;

/// An open file descriptor of the table `F`; closes it when dropped.
///
/// Dropping never waits for another process. In the table of a child the close is carried out by
/// the first of the table's tasks that has nothing else to do, which is at once if one is idle;
/// when no task lives in the table any more, there is nothing left to close.
///
/// Neither `Clone` nor `Default`: a second owner of the same slot would close it twice. Ask a task
/// for a copy with [`dup`](crate::task::FileDescriptorTask::dup).
#[must_use = "dropping the handle closes the fd"]
pub struct Fd<F> {
    /// Invariant (1).
    near: near::Fd<F>,
    table: FdTable<F>,
}

impl<F> Fd<F> {
    /// Takes ownership of an open slot.
    ///
    /// # Safety
    ///
    /// The slot is open in the table that `F` brands and `table` identifies, and nothing else owns
    /// it (invariant 1).
    pub unsafe fn from_near(near: near::Fd<F>, table: &FdTable<F>) -> Self {
        Fd { near, table: table.clone() }
    }

    /// Gives up ownership: the slot stays open.
    #[must_use = "the fd stays open, and only its number is left"]
    pub fn into_near(self) -> near::Fd<F> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again and its `Drop` does not run: the table is dropped once.
        unsafe { std::ptr::drop_in_place(&raw mut this.table) };
        this.near
    }

    /// Its number, without ownership.
    #[inline]
    #[must_use]
    pub const fn near(&self) -> near::Fd<F> {
        self.near
    }

    /// Borrows it.
    #[must_use]
    pub const fn borrow(&self) -> BorrowedFd<'_, F> {
        BorrowedFd { near: self.near, owner: PhantomData }
    }
}

impl<F> Drop for Fd<F> {
    #[inline]
    fn drop(&mut self) {
        let number = self.near.as_raw();
        match self.table.closes() {
            // SAFETY: invariant (1): the slot is ours, and this is the last we do with it.
            None => drop(unsafe { Local::new().syscall(Call::CLOSE, [number as usize]) }),
            Some(closes) => closes.post(number),
        }
    }
}

impl<F: Namespace> fmt::Debug for Fd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.near, f)
    }
}

impl<F: Namespace> fmt::Display for Fd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.near, f)
    }
}

/// An fd of the table `F` that somebody else keeps open for `'fd`.
#[repr(transparent)]
pub struct BorrowedFd<'fd, F> {
    /// Invariant (3).
    near: near::Fd<F>,
    owner: PhantomData<&'fd Fd<F>>,
}

impl<F> BorrowedFd<'_, F> {
    /// Borrows a slot by its number.
    ///
    /// # Safety
    ///
    /// The slot is open and stays so for `'fd` (invariant 3).
    #[must_use]
    pub const unsafe fn from_near(near: near::Fd<F>) -> Self {
        BorrowedFd { near, owner: PhantomData }
    }

    /// Its number.
    #[inline]
    #[must_use]
    pub const fn near(&self) -> near::Fd<F> {
        self.near
    }
}

impl<F> Clone for BorrowedFd<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for BorrowedFd<'_, F> {}

impl<F: Namespace> fmt::Debug for BorrowedFd<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.near, f)
    }
}

impl<F: Namespace> fmt::Display for BorrowedFd<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.near, f)
    }
}

/// What can be used as an fd of the table `F`: [`Fd<F>`], [`BorrowedFd<'_, F>`], references to them,
/// and, where `F` is this process's table, std's own types. Sealed.
///
/// rustix's `CWD` has the type of an fd, but is none, and panics; for the directory that a path is relative
/// to, it is what [`Cwd`] is.
#[diagnostic::on_unimplemented(
    message = "the file descriptor is not in this task's fd table",
    label = "`{Self}` is not an open fd of `{F}`",
    note = "an fd number means something only in the fd table it was opened in",
    note = "to get the fd into another table: list it in `unshare_files` when that table is made, open the file in the task that is to use it, or send it over a Unix socket; into this process's table: `Task::here().pidfd_getfd(&task, &fd)`",
    note = "of a `Command`: give it to `prepare_with` for the preparation, to `Command::fd` for the program",
    note = "a number alone, a `near::Fd` or an integer, is not an fd: keep the `Fd` it came from, or a `borrow()` of it",
    note = "in generic code, take the fd as `&Fd<K::FdTable>`"
)]
pub trait AsFd<F>: Sealed {
    /// The slot's number.
    fn near_fd(&self) -> near::Fd<F>;
}

/// What can be given up as an fd of the table `F`: [`Fd<F>`] itself. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not an owned file descriptor in this task's fd table",
    label = "`{Self}` is not an `Fd` of `{F}`",
    note = "an fd is closed or replaced only in the fd table it is open in: use the task it came from, or drop the handle, which closes it in its own table",
    note = "its owner gives it up for that: pass the `Fd` by value; what std owns becomes one by `Fd::from`"
)]
pub trait IntoFd<F>: Sealed {
    /// The handle.
    fn into_fd(self) -> Fd<F>;
}

impl<F> IntoFd<F> for Fd<F> {
    #[inline]
    fn into_fd(self) -> Fd<F> {
        self
    }
}

/// What a path can be relative to in a task of the table `F`: an open directory, or [`Cwd`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "the directory is not in this task's fd table",
    label = "`{Self}` is not an open directory of `{F}`",
    note = "an fd number means something only in the fd table it was opened in",
    note = "open the directory in the task that is to use it, or pass `Cwd`"
)]
pub trait AsDirFd<F>: Sealed {
    /// The number for the `dirfd` argument.
    fn dirfd(&self) -> c_int;
}

/// The working directory of the task that makes the call (`AT_FDCWD`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Cwd;

impl Sealed for Cwd {}

impl<F> AsDirFd<F> for Cwd {
    fn dirfd(&self) -> c_int {
        libc::AT_FDCWD
    }
}

impl<F> Sealed for Fd<F> {}

impl<F> AsFd<F> for Fd<F> {
    #[inline]
    fn near_fd(&self) -> near::Fd<F> {
        self.near
    }
}

impl<F> AsDirFd<F> for Fd<F> {
    fn dirfd(&self) -> c_int {
        self.near.as_raw()
    }
}

impl<F> Sealed for BorrowedFd<'_, F> {}

impl<F> AsFd<F> for BorrowedFd<'_, F> {
    #[inline]
    fn near_fd(&self) -> near::Fd<F> {
        self.near
    }
}

impl<F> AsDirFd<F> for BorrowedFd<'_, F> {
    fn dirfd(&self) -> c_int {
        self.near.as_raw()
    }
}

impl<F, T: AsFd<F> + ?Sized> AsFd<F> for &T {
    #[inline]
    fn near_fd(&self) -> near::Fd<F> {
        (**self).near_fd()
    }
}

impl<F, T: AsDirFd<F> + ?Sized> AsDirFd<F> for &T {
    fn dirfd(&self) -> c_int {
        (**self).dirfd()
    }
}

const _: () = assert!(size_of::<BorrowedFd<'_, HostFds>>() == 4);
