use std::{fmt, io};

use rustix::io::Errno;

use super::Call;

/// What went wrong, and in which call.
///
/// A small `Copy` value, so that a call that nobody checks costs nothing to fail. Converts into
/// [`io::Error`] with its kind, and keeps itself as the source there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    call: Call,
    kind: ErrorKind,
}

/// What is known about a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel refused it, for this reason.
    Os(Errno),
    /// It was not sent, because the task is dead: it has surely not been executed.
    NotSent,
    /// The task died before it answered: the call may or may not have been executed. From
    /// `execve`, the task died before it became the program.
    Hangup,
    /// It was not sent, because another task, or this process, lives in the same fd table, and a
    /// failure could not be undone there.
    SharedTable,
    /// It was not sent, because one fd or one number was listed twice.
    ListedTwice,
    /// It was not sent, because an argument contains a NUL byte.
    InteriorNul,
    /// It was not sent, because it has flags that this library does not know or does not allow.
    UnknownFlags,
    /// The chosen number was not free.
    SlotTaken,
    /// Another part of the program has waited for the process: how it ended is lost.
    StatusLost,
}

impl Error {
    #[inline]
    pub(crate) const fn new(call: Call, kind: ErrorKind) -> Self {
        Error { call, kind }
    }

    /// The kernel's answer to `call`.
    #[inline]
    pub(crate) fn os(call: Call, errno: Errno) -> Self {
        Error::new(call, ErrorKind::Os(errno))
    }

    /// The call that failed.
    #[must_use]
    pub const fn call(&self) -> Call {
        self.call
    }

    /// What is known about it.
    #[inline]
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The kernel's reason, if it was the kernel that refused.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self.kind {
            ErrorKind::Os(errno) => Some(errno),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.kind {
            ErrorKind::Os(errno) => {
                return write!(f, "{}: {}", self.call, io::Error::from(errno));
            }
            ErrorKind::NotSent => "not sent: the task is dead",
            ErrorKind::Hangup if self.call == Call::EXECVE => {
                "the task died before it became the program"
            }
            ErrorKind::Hangup => "the task died before it answered",
            ErrorKind::SharedTable => {
                "not sent: the task shares its fd table, where a failure could not be undone"
            }
            ErrorKind::ListedTwice => "not sent: the same fd or number is listed twice",
            ErrorKind::InteriorNul => "not sent: an argument contains a NUL byte",
            ErrorKind::UnknownFlags => "not sent: flags that are unknown or not allowed here",
            ErrorKind::SlotTaken => "the chosen fd number is taken",
            ErrorKind::StatusLost => {
                "the exit status is lost: another part of the program has waited for the process"
            }
        };
        write!(f, "{}: {reason}", self.call)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}, {:?})", self.call, self.kind)
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind {
            ErrorKind::Os(errno) => io::Error::from(errno).kind(),
            ErrorKind::InteriorNul | ErrorKind::ListedTwice | ErrorKind::UnknownFlags => {
                io::ErrorKind::InvalidInput
            }
            ErrorKind::Hangup | ErrorKind::NotSent => io::ErrorKind::BrokenPipe,
            ErrorKind::SharedTable => io::ErrorKind::ResourceBusy,
            ErrorKind::SlotTaken => io::ErrorKind::AlreadyExists,
            ErrorKind::StatusLost => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

const _: () = assert!(size_of::<Error>() <= 8);
