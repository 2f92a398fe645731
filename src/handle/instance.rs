//! Epoll and inotify instances.

use super::{AsFd, Fd};
use crate::brand::Of;

/// An epoll instance, open in the table `F`: what watches many fds of that table at once.
///
/// Made by [`epoll_create1`](crate::task::EpollTask::epoll_create1). Dropping it closes it. It is an fd too,
/// and so it can be added to another epoll instance, polled, and listed for a new table; in this process's table
/// it is one for std, too.
#[must_use = "dropping the handle closes the epoll instance"]
pub struct Epoll<F> {
    fd: Fd<F>,
}

/// An inotify instance, open in the table `F`: what reports changes of the files it watches. `W` is the
/// brand of its watches, which no other instance has.
///
/// Made by [`inotify_init1`](crate::task::InotifyTask::inotify_init1). Dropping it closes it. In this process's
/// table it is an fd for std, too, and so an async runtime can wait for it.
#[must_use = "dropping the handle closes the inotify instance"]
pub struct Inotify<W, F> {
    fd: Fd<F>,
    _watches: Of<W>,
}

impl<W, F> Inotify<W, F> {
    /// `W` is the brand of no other instance.
    pub(crate) const fn made(fd: Fd<F>) -> Self {
        Inotify { fd, _watches: Of::new() }
    }
}

/// What can be used as an epoll instance of the table `F`: [`Epoll<F>`], references to it, and `Box`, `Rc`
/// and `Arc` of it. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not an epoll instance in this task's fd table",
    label = "`{Self}` is not an epoll instance of `{F}`",
    note = "an epoll instance is what `epoll_create1` returns, in the fd table of the task that made it",
    note = "make one in the task that is to wait, or list the `Epoll` in `unshare_files` when the table is made",
    note = "an `Fd` that is one, such as a copy, becomes it by `Epoll::from`",
    note = "where one side is `Dynamic`: `erase()` the handle for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait AsEpoll<F>: AsFd<F> {}

impl<F> AsEpoll<F> for Epoll<F> {}

/// What can be used as an inotify instance of the table `F`: [`Inotify<W, F>`], references to it, and `Box`,
/// `Rc` and `Arc` of it. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not an inotify instance in this task's fd table",
    label = "`{Self}` is not an inotify instance of `{F}`",
    note = "an inotify instance is what `inotify_init1` returns, in the fd table of the task that made it",
    note = "make one in the task that is to watch, or list the `Inotify` in `unshare_files` when the table is made",
    note = "where one side is `Dynamic`: `erase()` the handle for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait AsInotify<F>: AsFd<F> {
    /// The brand of its watches.
    type Watches;
}

impl<W, F> AsInotify<F> for Inotify<W, F> {
    type Watches = W;
}

macro_rules! instances_behind {
    ($($pointer:ty),+) => {$(
        impl<F, T: AsEpoll<F> + ?Sized> AsEpoll<F> for $pointer {}
        impl<F, T: AsInotify<F> + ?Sized> AsInotify<F> for $pointer {
            type Watches = T::Watches;
        }
    )+};
}

with_pointers! { instances_behind }

fd_of_a_kind! { [] Epoll [W] Inotify }
kind_of_any_fd! { Epoll }
