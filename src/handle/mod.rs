//! Handles: a near id, and the duty to release what it names.

/// Hands the types in which std owns an fd to a macro: calls take every one of them, and a new table
/// can inherit every one.
macro_rules! with_std_fds {
    ($apply:ident) => {
        $apply! {
            std::os::fd::OwnedFd,
            std::fs::File,
            std::io::Stdin,
            std::io::Stdout,
            std::io::Stderr,
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
#[cfg(feature = "tokio")]
mod tokio;

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

/// Traits nobody else may implement: their implementations are what ties numbers to tables.
mod sealed {
    pub trait Sealed {}
    impl<T: Sealed + ?Sized> Sealed for &T {}
}
