//! Kernel objects that have calls of their own: epoll and inotify instances. Each is an [`Fd`] of which
//! the type says what it is open on.

use std::fmt;

use super::sealed::Sealed;
use super::{AsFd, BorrowedFd, Fd, Inherit, Inheriting, IntoFd};
use crate::brand::{Namespace, Of};
use crate::near;

/// An epoll instance, open in the table `F`: what watches many fds of that table at once.
///
/// Made by [`epoll_create1`](crate::task::EpollTask::epoll_create1). Dropping it closes it. It is an fd too,
/// and so it can be added to another epoll instance, polled, and listed for a new table.
#[must_use = "dropping the handle closes the epoll instance"]
pub struct Epoll<F> {
    fd: Fd<F>,
}

impl<F> Epoll<F> {
    pub(crate) fn new(fd: Fd<F>) -> Self {
        Epoll { fd }
    }
}

/// An inotify instance, open in the table `F`: what reports changes of the files it watches. `W` is the
/// brand of its watches, which no other instance has.
///
/// Made by [`inotify_init1`](crate::task::InotifyTask::inotify_init1). Dropping it closes it.
#[must_use = "dropping the handle closes the inotify instance"]
pub struct Inotify<W, F> {
    fd: Fd<F>,
    _watches: Of<W>,
}

impl<W, F> Inotify<W, F> {
    pub(crate) fn new(fd: Fd<F>) -> Self {
        Inotify { fd, _watches: Of::new() }
    }
}

/// What can be used as an epoll instance of the table `F`: [`Epoll<F>`] and references to it. Sealed.
#[diagnostic::on_unimplemented(
    message = "the epoll instance is not in this task's fd table",
    label = "`{Self}` is not an epoll instance of `{F}`",
    note = "an epoll instance is what `epoll_create1` returns, in the fd table of the task that made it",
    note = "make one in the task that is to wait, or list the `Epoll` in `unshare_files` when the table is made"
)]
pub trait AsEpoll<F>: AsFd<F> {}

impl<F> AsEpoll<F> for Epoll<F> {}
impl<F, T: AsEpoll<F> + ?Sized> AsEpoll<F> for &T {}

/// What can be used as an inotify instance of the table `F`: [`Inotify<W, F>`] and references to it.
/// Sealed.
#[diagnostic::on_unimplemented(
    message = "the inotify instance is not in this task's fd table",
    label = "`{Self}` is not an inotify instance of `{F}`",
    note = "an inotify instance is what `inotify_init1` returns, in the fd table of the task that made it",
    note = "make one in the task that is to watch, or list the `Inotify` in `unshare_files` when the table is made"
)]
pub trait AsInotify<F>: AsFd<F> {
    /// The brand of its watches.
    type Watches;
}

impl<W, F> AsInotify<F> for Inotify<W, F> {
    type Watches = W;
}

impl<F, T: AsInotify<F> + ?Sized> AsInotify<F> for &T {
    type Watches = T::Watches;
}

macro_rules! instances {
    ($([$($watches:ident)?] $instance:ident;)+) => {$(
        impl<$($watches,)? F> $instance<$($watches,)? F> {
            /// Its number.
            #[must_use]
            pub const fn near(&self) -> near::Fd<F> {
                self.fd.near()
            }

            /// Borrows it as a plain fd.
            #[must_use]
            pub const fn borrow(&self) -> BorrowedFd<'_, F> {
                self.fd.borrow()
            }
        }

        impl<$($watches,)? F> Sealed for $instance<$($watches,)? F> {}

        impl<$($watches,)? F> AsFd<F> for $instance<$($watches,)? F> {
            #[inline]
            fn near_fd(&self) -> near::Fd<F> {
                self.fd.near()
            }
        }

        impl<$($watches,)? F> IntoFd<F> for $instance<$($watches,)? F> {
            fn into_fd(self) -> Fd<F> {
                self.fd
            }
        }

        /// The same instance, in another table.
        impl<$($watches,)? F> Inherit<F> for $instance<$($watches,)? F> {
            type Inherited<G> = $instance<$($watches,)? G>;
            fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
            where
                Self: 'call,
            {
                $instance::new(self.fd.inherit(to))
            }
        }

        /// The same instance, in another table.
        impl<$($watches,)? F> Inherit<F> for &$instance<$($watches,)? F> {
            type Inherited<G> = $instance<$($watches,)? G>;
            fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
            where
                Self: 'call,
            {
                $instance::new((&self.fd).inherit(to))
            }
        }

        impl<$($watches,)? F: Namespace> fmt::Debug for $instance<$($watches,)? F> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($instance), "({})"), self.fd)
            }
        }
    )+};
}

instances! {
    [] Epoll;
    [W] Inotify;
}
