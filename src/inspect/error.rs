use std::{fmt, io};

use crate::interface::{Error, ErrorKind};

/// Why something could not be read from another process's memory.
///
/// Addresses in it are plain numbers, so that it can leave the block of the memory's brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// Something on the way cannot be read: nothing is mapped there, or what the kernel shows to nobody, as
    /// `[vvar]` and what is mapped behind the end of a file.
    Unreadable {
        /// The name that the memory was given.
        memory: &'static str,
        /// The first address that could not be read.
        address: usize,
        /// How many bytes before it could.
        read: usize,
    },
    /// There is no NUL byte where the string would have to end.
    Unterminated {
        /// The name that the memory was given.
        memory: &'static str,
        /// Where the string starts.
        address: usize,
        /// How long it may be.
        limit: usize,
    },
    /// It is not about what is read: [`MemoryGone`](ErrorKind::MemoryGone), or the kernel's own reason.
    Failed(Error),
}

impl ReadError {
    /// Whether the memory is gone, as the process has exited or has become another program.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, ReadError::Failed(error) if error.kind() == ErrorKind::MemoryGone)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Unreadable { memory, address, .. } => {
                write!(f, "nothing can be read at {address:#x} of `{memory}`")
            }
            ReadError::Unterminated { memory, address, limit } => {
                write!(f, "no NUL within {limit} bytes from {address:#x} of `{memory}`")
            }
            ReadError::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        ReadError::Failed(error)
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unreadable { .. } => io::Error::other(error),
            ReadError::Unterminated { .. } => io::Error::new(io::ErrorKind::InvalidData, error),
            ReadError::Failed(error) => error.into(),
        }
    }
}
