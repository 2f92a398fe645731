//! Handles: a near id, and the duty to release what it names.

/// Hands the types in which std owns an fd that can be taken out of them to a macro: but for `OwnedFd`
/// itself, every one of them can become an `Fd`, and an `Fd` can become every one.
macro_rules! with_std_owners {
    ($apply:ident) => {
        $apply! {
            std::fs::File,
            std::net::TcpListener,
            std::net::TcpStream,
            std::net::UdpSocket,
            std::os::unix::net::UnixDatagram,
            std::os::unix::net::UnixListener,
            std::os::unix::net::UnixStream,
            std::process::ChildStdin,
            std::process::ChildStdout,
            std::process::ChildStderr,
        }
    };
}

/// Hands the types in which std has an fd to a macro, and not as an owner of one of the above: calls take
/// every one of both, and a new table can inherit every one.
macro_rules! with_std_streams {
    ($apply:ident) => {
        $apply! { std::io::Stdin, std::io::Stdout, std::io::Stderr }
    };
}

/// Hands the pointers that keep what they point to as it is to a macro, of a `T`.
macro_rules! with_pointers {
    ($apply:ident) => {
        $apply! { &T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T> }
    };
}

#[macro_use]
mod kind;

mod child;
mod exit;
mod fd;
mod heap;
mod inherit;
mod instance;
mod living;
mod mapping;
mod mount;
mod pointer;
mod rebrand;
mod std_bridge;
mod steady;
#[cfg(feature = "tokio")]
mod tokio;

pub(crate) use child::OnDrop;
pub use child::{ChildProcess, Killer, Waited};
pub use exit::{Exit, Outcome, Usage};
pub use fd::{AsDirFd, AsFd, BorrowedFd, Cwd, Fd, IntoFd};
pub use inherit::{Inherit, Inheriting};
pub use instance::{AsEpoll, AsInotify, Epoll, Inotify};
pub use living::AsProcess;
pub use mapping::{AsMapping, IntoMapping, Mapping, Pages};
pub use mount::{AsFsContext, AsMountFd, FsContext, MountFd};
pub use pointer::{Allocation, Borrowed, Holds, Place, Pointer};
pub use rebrand::NotRebranded;

pub(crate) use heap::Heap;
pub(crate) use inherit::Listed;
pub(crate) use living::with_number_of;
pub(crate) use mapping::Shared;
pub(crate) use steady::Steady;

/// Traits nobody else may implement: their implementations are what ties numbers to tables.
mod sealed {
    pub trait Sealed {
        /// So there are no objects: one of another crate's trait would be sealed by a trait above that, and as a type
        /// of that crate it could be given the others.
        const NO_OBJECT: () = ();
    }

    macro_rules! sealed_behind {
        ($($pointer:ty),+) => {$(
            impl<T: Sealed + ?Sized> Sealed for $pointer {}
        )+};
    }

    with_pointers! { sealed_behind }
}
