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

/// What a standard stream of a [`Command`](super::Command) is made of: a [`Stdio`], and all that becomes one.
#[diagnostic::on_unimplemented(
    message = "this cannot be a standard stream of a `Command`",
    label = "`{Self}` is not an fd of this process's table `host_fds` that is given up",
    note = "a `Command` keeps what it is given: pass an fd by value; `Task::here().dup(&fd)?` is a copy of it",
    note = "of another fd table: `Task::here().pidfd_getfd(&task, &fd)?` is a copy in this process's",
    note = "std's `Stdio` does not say what is in it: use `nearfar::process::Stdio`",
    note = "a `Dynamic` fd that is one of this process's becomes it in its type by `rebrand(&Task::here())`"
)]
pub trait IntoStdio {
    /// What it becomes.
    fn into_stdio(self) -> Stdio;
}

#[diagnostic::do_not_recommend]
impl<T: Into<Stdio>> IntoStdio for T {
    fn into_stdio(self) -> Stdio {
        self.into()
    }
}

/// What a [`Command`](super::Command) keeps as an fd of this process: an [`Fd<HostFds>`](crate::Fd), and all that
/// becomes an `OwnedFd`.
#[diagnostic::on_unimplemented(
    message = "this cannot be given to a `Command`",
    label = "`{Self}` is not an fd of this process's table `host_fds` that is given up",
    note = "a `Command` keeps what it is given: pass an fd by value; `Task::here().dup(&fd)?` is a copy of it",
    note = "of another fd table: `Task::here().pidfd_getfd(&task, &fd)?` is a copy in this process's",
    note = "what is at a path is opened first: `std::fs::File::open(path)?`",
    note = "a `Dynamic` fd that is one of this process's becomes it in its type by `rebrand(&Task::here())`"
)]
pub trait IntoHostFd {
    /// The fd.
    fn into_host_fd(self) -> OwnedFd;
}

#[diagnostic::do_not_recommend]
impl<T: Into<OwnedFd>> IntoHostFd for T {
    fn into_host_fd(self) -> OwnedFd {
        self.into()
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
