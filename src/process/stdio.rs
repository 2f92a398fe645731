use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::stdio;

use crate::far::HostTable;
use crate::handle::Fd;

/// Where a standard stream of a program comes from or goes to.
///
/// Made from what owns an fd: a `File`, a `UnixStream`, another program's
/// [`ChildStdout`](super::ChildStdout), an [`Fd<HostFds>`](crate::Fd), or anything else by way of an
/// `OwnedFd`. std's own `Stdio` does not say what is in it, so it cannot be converted.
pub struct Stdio(pub(super) Source);

/// What a [`Stdio`] is.
pub(super) enum Source {
    /// Whatever this process has at the same number.
    Inherit,
    /// `/dev/null`.
    Null,
    /// A new pipe to this process.
    Piped,
    /// An fd of the command's own.
    Owned(OwnedFd),
    /// A standard stream of this process, at another number.
    Shared(BorrowedFd<'static>),
}

impl Stdio {
    /// A new pipe; this process's end is in [`Child`](super::Child).
    #[must_use]
    pub const fn piped() -> Self {
        Stdio(Source::Piped)
    }

    /// The stream of this process.
    #[must_use]
    pub const fn inherit() -> Self {
        Stdio(Source::Inherit)
    }

    /// `/dev/null`.
    #[must_use]
    pub const fn null() -> Self {
        Stdio(Source::Null)
    }
}

macro_rules! from_owners {
    ($($owner:ty),+ $(,)?) => {$(
        impl From<$owner> for Stdio {
            fn from(fd: $owner) -> Self {
                Stdio(Source::Owned(fd.into()))
            }
        }
    )+};
}

from_owners! {
    OwnedFd,
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

impl<F: HostTable> From<Fd<F>> for Stdio {
    fn from(fd: Fd<F>) -> Self {
        OwnedFd::from(fd).into()
    }
}

impl From<io::Stdout> for Stdio {
    /// This process's standard output: `command.stderr(std::io::stdout())` has both go there.
    fn from(_: io::Stdout) -> Self {
        Stdio(Source::Shared(stdio::stdout()))
    }
}

impl From<io::Stderr> for Stdio {
    /// This process's standard error.
    fn from(_: io::Stderr) -> Self {
        Stdio(Source::Shared(stdio::stderr()))
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Inherit => f.write_str("Stdio(inherit)"),
            Source::Null => f.write_str("Stdio(null)"),
            Source::Piped => f.write_str("Stdio(piped)"),
            Source::Owned(fd) => write!(f, "Stdio({fd:?})"),
            Source::Shared(fd) => write!(f, "Stdio({fd:?})"),
        }
    }
}
