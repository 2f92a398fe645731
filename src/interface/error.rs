use std::{fmt, io};

use rustix::io::Errno;

use super::Call;
use crate::far::NamespaceMismatchError;

/// What went wrong, and in which call.
///
/// A small `Copy` value, cheap to make and to ignore. It converts into an [`io::Error`] of the same kind, from which
/// [`from_io_error`](Self::from_io_error) takes it out again. Ask it for the [errno](Self::errno): the `io::Error`'s
/// [`raw_os_error`](io::Error::raw_os_error) is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Error {
    /// The kind's code, above its 16 bits the call's number, and above these 16 a mismatch's. One integer as
    /// wide as a `usize`, not narrow ones: so a `Result<usize, Error>` is returned in two registers, and an `Err`
    /// is made without a branch.
    bits: u64,
}

/// What is known about a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The kernel refused it, for this reason; or this library did in its words, before sending it.
    Os(Errno),
    /// It was not sent, because the task is dead: it has surely not been executed.
    NotSent,
    /// The task died before it answered: the call may or may not have been executed. From
    /// `execve`, the task died before it became the program. A child of a driven init, which the kernel reaps, may also
    /// have been killed by a signal right after it became the program.
    Hangup,
    /// It was not sent, because another task, or this process, lives in the same fd table, and a
    /// failure could not be undone there.
    SharedTable,
    /// It was not sent, because a program would see a driven task in its pid namespace, and could look
    /// into this program's memory, which the task shares.
    MemoryExposed,
    /// It was not sent, because the task is not the init of a pid namespace that this program has made, or its children
    /// go to another one.
    NotInit,
    /// The init of the pid namespace has ended, so that nothing can be started there any more.
    InitEnded,
    /// It was not sent, because what is to be changed for the program could not be changed back after
    /// a failure.
    Irreversible,
    /// It was not sent, because one fd or one number was listed twice.
    ListedTwice,
    /// It was not sent, because it names an fd by a number in a string, which does not say of which table it is.
    NumberOfFd,
    /// It was not sent, because an argument contains a NUL byte.
    InteriorNul,
    /// It was not sent, because it has flags that this library does not know or does not allow.
    UnknownFlags,
    /// The chosen number was not free, or is 0, 1 or 2.
    SlotTaken,
    /// Fewer or more fds arrived with a message than were asked for; those that did have been closed.
    OtherFds,
    /// There was nothing to receive, and will be nothing: who had the other end of the stream is gone.
    EndOfStream,
    /// Another part of the program has waited for the process: how it ended is lost.
    StatusLost,
    /// It was not sent, because an id is of another namespace than the task's: only for
    /// [`Dynamic`](crate::Dynamic) tasks.
    Mismatch(NamespaceMismatchError),
    /// The memory is gone, as nobody lives in it any more: the process has exited, or has become another
    /// program.
    MemoryGone,
    /// The memory was not opened, because it is this program's own, in which the process lives, as a driven
    /// task does.
    OwnMemory,
}

/// The code of an error that has a number for its [`NamespaceMismatchError`].
const MISMATCH: i16 = i16::MAX;

macro_rules! codes {
    ($($kind:ident $code:literal)+) => {
        impl ErrorKind {
            /// An errno's code is what the kernel returned, negative; the others are positive.
            #[inline]
            const fn code(self) -> i16 {
                match self {
                    ErrorKind::Os(errno) => -errno.raw_os_error() as i16,
                    ErrorKind::Mismatch(_) => MISMATCH,
                    $(ErrorKind::$kind => $code,)+
                }
            }

            /// What the code says by itself.
            const fn from_code(code: i16) -> Option<Self> {
                match code {
                    MISMATCH => None,
                    $($code => Some(ErrorKind::$kind),)+
                    negative => Some(ErrorKind::Os(Errno::from_raw_os_error(-(negative as i32)))),
                }
            }
        }
    };
}

codes! {
    NotSent 1
    Hangup 2
    SharedTable 3
    ListedTwice 4
    InteriorNul 5
    UnknownFlags 6
    SlotTaken 7
    StatusLost 8
    Irreversible 9
    MemoryExposed 10
    InitEnded 11
    OtherFds 12
    MemoryGone 13
    OwnMemory 14
    NotInit 15
    NumberOfFd 16
    EndOfStream 17
}

impl Error {
    /// What went wrong in `call`: for an interface or a task of your own.
    #[inline]
    #[must_use]
    pub fn new(call: Call, kind: ErrorKind) -> Self {
        let ErrorKind::Mismatch(mismatch) = kind else {
            return Error::with_code(call, kind.code());
        };
        let Error { bits } = Error::with_code(call, MISMATCH);
        Error { bits: bits | u64::from(mismatch.number()) << 32 }
    }

    /// The kernel's answer to `call`.
    #[inline]
    pub(crate) const fn os(call: Call, errno: Errno) -> Self {
        Error::with_code(call, ErrorKind::Os(errno).code())
    }

    /// What the kernel returned from `call`, from -4095 to -1. An [`Errno`] is made of it only for
    /// those who ask: rustix's constructor is a function call.
    #[inline]
    pub(super) const fn returned(call: Call, returned: usize) -> Self {
        Error::with_code(call, returned as i16)
    }

    #[inline]
    const fn with_code(call: Call, code: i16) -> Self {
        Error { bits: (call.number() as u64) << 16 | code as u16 as u64 }
    }

    #[inline]
    const fn code(&self) -> i16 {
        self.bits as i16
    }

    /// The error inside of an [`io::Error`], if it is one of this library's.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::process::Command;
    /// use nearfar::rustix::io::Errno;
    ///
    /// let error = Command::new("/nowhere").spawn().unwrap_err();
    /// assert_eq!(error.raw_os_error(), None);
    /// let inside = nearfar::Error::from_io_error(&error).unwrap();
    /// assert_eq!((inside.call().name(), inside.errno()), ("execve", Some(Errno::NOENT)));
    /// ```
    #[must_use]
    pub fn from_io_error(error: &io::Error) -> Option<Error> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// The call that failed.
    #[inline]
    #[must_use]
    pub const fn call(&self) -> Call {
        Call::from_number((self.bits >> 16) as u16)
    }

    /// What is known about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::from_code(self.code()).unwrap_or_else(|| ErrorKind::Mismatch(*self.mismatch()))
    }

    /// Which namespaces do not match, if that is what went wrong.
    fn mismatch(&self) -> &'static NamespaceMismatchError {
        NamespaceMismatchError::numbered((self.bits >> 32) as u32)
    }

    /// The reason, if it is one of the kernel's, or this library's in the kernel's words:
    /// [`Os`](ErrorKind::Os).
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match ErrorKind::from_code(self.code()) {
            Some(ErrorKind::Os(errno)) => Some(errno),
            _ => None,
        }
    }

    /// The number of [`errno`](Self::errno).
    #[inline]
    #[must_use]
    pub const fn raw_os_error(&self) -> Option<i32> {
        if self.code() < 0 { Some(-(self.code() as i32)) } else { None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.kind() {
            ErrorKind::Os(errno) => {
                return write!(f, "{}: {}", self.call(), io::Error::from(errno));
            }
            ErrorKind::Mismatch(mismatch) => {
                return write!(f, "{}: not sent: {mismatch}", self.call());
            }
            ErrorKind::NotSent => "not sent: the task is dead",
            ErrorKind::Hangup if matches!(self.call(), Call::EXECVE | Call::EXECVEAT) => {
                "the task died before it became the program"
            }
            ErrorKind::Hangup => "the task died before it answered",
            ErrorKind::SharedTable => {
                "not sent: the task shares its fd table, where a failure could not be undone; `unshare_files` before, \
                 or use `exec`, which does not give the task back"
            }
            ErrorKind::MemoryExposed => {
                "not sent: a program in the pid namespace could look into a driven task there, and so \
                 into this program's memory; have the namespace's only task become the program, and \
                 spawn no other there"
            }
            ErrorKind::NotInit => {
                "not sent: the task is not the init of a pid namespace; make it one by `spawn_with_pids` or \
                 `unshare_pid`"
            }
            ErrorKind::InitEnded => {
                "the init of the pid namespace has ended: nothing can be started there any more"
            }
            ErrorKind::Irreversible => {
                "not sent: ids, a terminal or filters for the program could not be taken back after a \
                 failure; use `exec`, which does not give the task back"
            }
            ErrorKind::ListedTwice => "not sent: the same fd or number is listed twice",
            ErrorKind::NumberOfFd => {
                "not sent: the option is the number of an fd; pass the fd to `fsopen_with_fds`"
            }
            ErrorKind::InteriorNul => "not sent: an argument contains a NUL byte",
            ErrorKind::UnknownFlags => "not sent: flags that are unknown or not allowed here",
            ErrorKind::SlotTaken => {
                "the chosen fd number is taken, or is 0, 1 or 2, which are not given out"
            }
            ErrorKind::OtherFds => {
                "fewer or more fds arrived than were asked for, and have been closed"
            }
            ErrorKind::EndOfStream => "nothing arrived: the stream has ended",
            ErrorKind::StatusLost => {
                "the exit status is lost: another part of the program has waited for the process"
            }
            ErrorKind::MemoryGone => {
                "the memory is gone: the process has exited, or has become another program"
            }
            ErrorKind::OwnMemory => {
                "not opened: the process lives in this program's own memory, as a driven task does, until it \
                 becomes a program"
            }
        };
        write!(f, "{}: {reason}", self.call())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}, {:?})", self.call(), self.kind())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        (self.code() == MISMATCH).then(|| self.mismatch() as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Os(errno) => io::Error::from(errno).kind(),
            ErrorKind::InteriorNul
            | ErrorKind::ListedTwice
            | ErrorKind::UnknownFlags
            | ErrorKind::NumberOfFd
            | ErrorKind::NotInit
            | ErrorKind::Mismatch(_) => io::ErrorKind::InvalidInput,
            ErrorKind::Hangup | ErrorKind::NotSent => io::ErrorKind::BrokenPipe,
            ErrorKind::SharedTable | ErrorKind::OwnMemory => io::ErrorKind::ResourceBusy,
            ErrorKind::Irreversible => io::ErrorKind::Unsupported,
            ErrorKind::MemoryExposed => io::ErrorKind::PermissionDenied,
            ErrorKind::InitEnded | ErrorKind::MemoryGone => io::ErrorKind::NotFound,
            ErrorKind::SlotTaken => io::ErrorKind::AlreadyExists,
            ErrorKind::OtherFds => io::ErrorKind::InvalidData,
            ErrorKind::EndOfStream => io::ErrorKind::UnexpectedEof,
            ErrorKind::StatusLost => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

const _: () = assert!(size_of::<Error>() <= 8);
