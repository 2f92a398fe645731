//! Descriptors: owned, borrowed, and whatever else can be used as one.
//!
//! # Safety
//!
//! 1. An [`Fd<F>`] is the only owner of an open slot of the table `F`, which is the one its
//!    `table` identifies; the slot stays open until the handle is dropped or given up.
//! 2. [`AsFd<F>`] is implemented in [`handle`](super) only: here, in `kind.rs` and `steady.rs` for what wraps one,
//!    and in the std bridge; each for fds of that very `F`. Another crate can implement it for an `F` of its own, but
//!    not for a [`Brand`](crate::Brand), and no task has any other table. Nor for an object of its own, as there are
//!    none of a sealed trait.
//! 3. A [`BorrowedFd<'fd, F>`] names a slot of `F` that its owner keeps open for `'fd`.
//! 4. The same slot is given another brand of the same table only to erase it, or after the tables were compared.
#![expect(unsafe_code, reason = "closes what it owns")]

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use super::NotRebranded;
use super::sealed::Sealed;
use crate::brand::{Dynamic, HostFds, Namespace};
use crate::far::{self, FdTable, FdTableMismatchError, NamespaceMismatchError, Whose};
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
///
/// One of this process's table, an `Fd<HostFds>`, converts from and into std's types: `OwnedFd`, `File`, `TcpStream`, ...
#[must_use = "dropping the handle closes the fd"]
pub struct Fd<F> {
    /// Invariant (1).
    near: near::Fd<F>,
    /// Dropped with the handle, which has the slot closed by it.
    table: ManuallyDrop<FdTable<F>>,
}

impl<F> Fd<F> {
    /// Takes ownership of an open slot.
    ///
    /// # Safety
    ///
    /// The slot is open in the table that `F` brands and `table` identifies, and nothing else owns
    /// it (invariant 1).
    pub unsafe fn from_near(near: near::Fd<F>, table: &FdTable<F>) -> Self {
        Fd { near, table: ManuallyDrop::new(table.clone()) }
    }

    /// Gives up ownership: the slot stays open.
    #[must_use = "the fd stays open, and only its number is left"]
    pub fn into_near(self) -> near::Fd<F> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again and its `Drop` does not run: the table is dropped once.
        unsafe { ManuallyDrop::drop(&mut this.table) };
        this.near
    }

    /// Its number, without ownership.
    #[inline]
    #[must_use]
    pub const fn near(&self) -> near::Fd<F> {
        self.near
    }

    /// The same, checked at run time, and storable anywhere.
    pub fn erase(self) -> Fd<Dynamic> {
        self.rebranded()
    }

    /// The same, as `task` has it in its types.
    ///
    /// # Errors
    ///
    /// That `task` lives in another fd table; the fd comes back with the error.
    pub fn rebrand<K: far::Task + ?Sized>(
        self,
        task: &K,
    ) -> Result<Fd<K::FdTable>, NotRebranded<Self>> {
        match same_table(task, &self.table) {
            Ok(()) => Ok(self.rebranded()),
            Err(error) => Err(NotRebranded { error, handle: self }),
        }
    }

    /// [`rebrand`](Self::rebrand), borrowed.
    ///
    /// # Errors
    ///
    /// That `task` lives in another fd table.
    pub fn rebrand_ref<K: far::Task + ?Sized>(
        &self,
        task: &K,
    ) -> Result<BorrowedFd<'_, K::FdTable>, NamespaceMismatchError> {
        same_table(task, &self.table)?;
        Ok(BorrowedFd { near: self.near.rebranded(), owner: PhantomData })
    }

    /// Of a table that is known to be the same.
    fn rebranded<G>(self) -> Fd<G> {
        let table = ManuallyDrop::new(self.table.rebranded());
        let near = self.into_near().rebranded();
        Fd { near, table }
    }

    /// Borrows it: the number alone, which a [`Dynamic`] task does not take.
    #[must_use]
    pub const fn borrow(&self) -> BorrowedFd<'_, F> {
        BorrowedFd { near: self.near, owner: PhantomData }
    }
}

/// Whether an fd of `table` is one of the task's.
fn same_table<K: far::Task + ?Sized, F>(
    task: &K,
    table: &FdTable<F>,
) -> Result<(), NamespaceMismatchError> {
    if task.fd_table().is(table) {
        Ok(())
    } else {
        Err(FdTableMismatchError::between(task.fd_table(), Some(table)).into())
    }
}

impl<F> Drop for Fd<F> {
    #[inline]
    fn drop(&mut self) {
        let number = self.near.as_raw();
        // SAFETY: this is the last of the handle.
        let table = unsafe { ManuallyDrop::take(&mut self.table) };
        if !table.close(number) {
            // SAFETY: invariant (1): the slot is ours, and this is the last we do with it.
            let _closed = unsafe { Local::new().syscall(Call::CLOSE, [number as usize]) };
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
    owner: PhantomData<&'fd ()>,
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

/// What can be used as an fd of the table `F`: [`Fd<F>`], [`BorrowedFd<'_, F>`], what is an fd with a kind
/// ([`Epoll`](super::Epoll), [`Inotify`](super::Inotify), [`FsContext`](super::FsContext),
/// [`MountFd`](super::MountFd)), references to them, `Box`, `Rc` and `Arc` of them, and, where `F` is this process's
/// table, std's own types. Sealed.
///
/// An fd of this process's table that another library owns is passed as std's borrow of it,
/// `std::os::fd::AsFd::as_fd(&it)`.
///
/// rustix's `CWD` has the type of an fd, but is none, and panics; for the directory that a path is relative
/// to, it is what [`Cwd`] is.
#[diagnostic::on_unimplemented(
    message = "the file descriptor is not in this task's fd table",
    label = "`{Self}` is not an open fd of `{F}`",
    note = "an fd number means something only in the fd table it was opened in",
    note = "to get the fd into another table: list it in `unshare_files` when that table is made, and use what that returns; open the file in the task that is to use it, or send it over a Unix socket; into this process's table: `Task::here().pidfd_getfd(&task, &fd)`",
    note = "where one side is `Dynamic`: `erase()` the fd for a dynamic task, `rebrand_ref(&task)` or `rebrand(&task)` it for a branded one",
    note = "of a `Command`: give it to `prepare_with` for the preparation, to `Command::fd` for the program",
    note = "a number alone, a `near::Fd` or an integer, is not an fd: keep the `Fd` it came from, or a `borrow()` of it; 0, 1 and 2 are `&std::io::stdin()`, `stdout()` and `stderr()`; of a process's number, `pidfd_open` makes one",
    note = "what has fds in it, an array or a type of your own, is none: pass the `Fd`; of another library, for a task in this process's table, `std::os::fd::AsFd::as_fd(&it)`",
    note = "in generic code, take the fd as `&Fd<K::FdTable>`; of two tasks in one table, say so: `J: far::Task<FdTable = K::FdTable>`"
)]
pub trait AsFd<F>: Sealed {
    /// The slot's number.
    fn near_fd(&self) -> near::Fd<F>;

    /// The table that it is a slot of.
    #[doc(hidden)]
    fn table(&self) -> Whose<'_, FdTable<F>>;
}

/// What can be given up as an fd of the table `F`: [`Fd<F>`], and what is an fd with a kind. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not an owned file descriptor in this task's fd table",
    label = "`{Self}` is not an `Fd` of `{F}`",
    note = "an fd is closed or replaced only in the fd table it is open in: use the task it came from, or drop the handle, which closes it in its own table",
    note = "its owner gives it up for that: pass the `Fd` by value; what std owns becomes one of this process's table by `Fd::from`",
    note = "where one side is `Dynamic`: `erase()` the fd for a dynamic task, `rebrand(&task)` it for a branded one"
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
    note = "open the directory in the task that is to use it, or pass `Cwd`",
    note = "where one side is `Dynamic`: `erase()` the fd for a dynamic task, `rebrand_ref(&task)` or `rebrand(&task)` it for a branded one"
)]
pub trait AsDirFd<F>: Sealed {
    /// The number for the `dirfd` argument.
    fn dirfd(&self) -> c_int;

    /// The table that it is a slot of.
    #[doc(hidden)]
    fn table(&self) -> Whose<'_, FdTable<F>>;
}

/// The working directory of the task that makes the call (`AT_FDCWD`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Cwd;

impl Sealed for Cwd {}

impl<F> AsDirFd<F> for Cwd {
    fn dirfd(&self) -> c_int {
        libc::AT_FDCWD
    }
    fn table(&self) -> Whose<'_, FdTable<F>> {
        Whose::Nobodys
    }
}

impl<F> Sealed for Fd<F> {}

impl<F> AsFd<F> for Fd<F> {
    #[inline]
    fn near_fd(&self) -> near::Fd<F> {
        self.near
    }
    #[inline]
    fn table(&self) -> Whose<'_, FdTable<F>> {
        Whose::Of(&self.table)
    }
}

impl<F> AsDirFd<F> for Fd<F> {
    fn dirfd(&self) -> c_int {
        self.near.as_raw()
    }
    fn table(&self) -> Whose<'_, FdTable<F>> {
        Whose::Of(&self.table)
    }
}

impl<F> Sealed for BorrowedFd<'_, F> {}

impl<F> AsFd<F> for BorrowedFd<'_, F> {
    #[inline]
    fn near_fd(&self) -> near::Fd<F> {
        self.near
    }
    #[inline]
    fn table(&self) -> Whose<'_, FdTable<F>> {
        Whose::AsItsTypeSays
    }
}

impl<F> AsDirFd<F> for BorrowedFd<'_, F> {
    fn dirfd(&self) -> c_int {
        self.near.as_raw()
    }
    fn table(&self) -> Whose<'_, FdTable<F>> {
        Whose::AsItsTypeSays
    }
}

/// What leads to an fd can be used as it: whoever has the pointer has what it points to kept.
macro_rules! fds_behind {
    ($($pointer:ty),+) => {$(
        impl<F, T: AsFd<F> + ?Sized> AsFd<F> for $pointer {
            #[inline]
            fn near_fd(&self) -> near::Fd<F> {
                (**self).near_fd()
            }
            #[inline]
            fn table(&self) -> Whose<'_, FdTable<F>> {
                (**self).table()
            }
        }

        impl<F, T: AsDirFd<F> + ?Sized> AsDirFd<F> for $pointer {
            fn dirfd(&self) -> c_int {
                (**self).dirfd()
            }
            fn table(&self) -> Whose<'_, FdTable<F>> {
                (**self).table()
            }
        }
    )+};
}

with_pointers! { fds_behind }

const _: () = assert!(size_of::<BorrowedFd<'_, HostFds>>() == 4);
