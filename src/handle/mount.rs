//! Mounts and file systems by fd.

use std::ffi::c_int;

use super::{AsDirFd, AsFd, Fd};
use crate::far::{FdTable, Whose};

/// A file system that is being configured, in the fd table `F`:
/// [`fsopen`](crate::task::FsContextTask::fsopen) or [`fspick`](crate::task::FsContextTask::fspick).
///
/// It is an fd like any other: it can be listed for a new table, given to a program, or closed. It
/// keeps what it needs to know of the task that made it: its user and network namespace. What has not
/// become a mount is gone with the last fd of it.
#[must_use = "dropping it forgets what has been configured"]
pub struct FsContext<F> {
    fd: Fd<F>,
}

/// A mount, in the fd table `F`: [`open_tree`](crate::task::MountFdTask::open_tree) or
/// [`fsmount`](crate::task::FsContextTask::fsmount).
///
/// It is an fd of the mount's root that files cannot be read from, but paths can begin at. One that
/// was cloned or made new is at first *detached*: on no path of any task. It is gone with the last fd
/// of it, unless [`move_mount`](crate::task::MountFdTask::move_mount) has attached it before.
#[must_use = "a mount that is not attached is gone when this is dropped"]
pub struct MountFd<F> {
    fd: Fd<F>,
}

/// What can be used as a file system context of the table `F`: [`FsContext<F>`], references to it, and
/// `Box`, `Rc` and `Arc` of it. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not a file system context in this task's fd table",
    label = "`{Self}` is not a file system context of `{F}`",
    note = "an fd number means something only in the fd table it was opened in",
    note = "call `fsopen` or `fspick` in the task that is to use it, or list the context in `unshare_files` when the table is made",
    note = "an `Fd` that is one, such as a copy, becomes it by `FsContext::from`",
    note = "where one side is `Dynamic`: `erase()` the handle for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait AsFsContext<F>: AsFd<F> {}

/// What can be used as a mount of the table `F`: [`MountFd<F>`], references to it, and `Box`, `Rc` and `Arc`
/// of it. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not a mount in this task's fd table",
    label = "`{Self}` is not an fd of a mount in `{F}`",
    note = "an fd number means something only in the fd table it was opened in",
    note = "call `open_tree` in the task that is to use it, or list the mount in `unshare_files` when the table is made",
    note = "a file system context becomes a mount by `fsmount`, and an `Fd` that is one by `MountFd::from`",
    note = "where one side is `Dynamic`: `erase()` the handle for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait AsMountFd<F>: AsFd<F> {}

impl<F> AsFsContext<F> for FsContext<F> {}
impl<F> AsMountFd<F> for MountFd<F> {}

macro_rules! mounts_behind {
    ($($pointer:ty),+) => {$(
        impl<F, T: AsFsContext<F> + ?Sized> AsFsContext<F> for $pointer {}
        impl<F, T: AsMountFd<F> + ?Sized> AsMountFd<F> for $pointer {}
    )+};
}

with_pointers! { mounts_behind }

impl<F> AsDirFd<F> for MountFd<F> {
    fn dirfd(&self) -> c_int {
        self.fd.dirfd()
    }
    fn table(&self) -> Whose<'_, FdTable<F>> {
        AsFd::table(&self.fd)
    }
}

fd_of_a_kind! { [] FsContext [] MountFd }
kind_of_any_fd! { FsContext MountFd }
