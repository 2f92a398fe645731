use std::io;

use crate::interface::{Error, ErrorKind};

/// Why something could not be read from another process's memory.
///
/// Addresses in it are plain numbers, so that it can leave the block of the memory's brand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Something on the way cannot be read: nothing is mapped there, or what the kernel shows to nobody, as
    /// `[vvar]` and what is mapped behind the end of a file.
    #[error("nothing can be read at {address:#x} of `{memory}`")]
    Unreadable {
        /// The name that the memory was given.
        memory: &'static str,
        /// The first address that could not be read.
        address: usize,
        /// How many bytes before it could.
        read: usize,
    },
    /// There is no NUL byte where the string would have to end.
    #[error("no NUL within {limit} bytes from {address:#x} of `{memory}`")]
    Unterminated {
        /// The name that the memory was given.
        memory: &'static str,
        /// Where the string starts.
        address: usize,
        /// How long it may be.
        limit: usize,
    },
    /// It is not about what is read: [`MemoryGone`](ErrorKind::MemoryGone), or the kernel's own reason.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl ReadError {
    /// Whether the memory is gone, as the process has exited or has become another program.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, ReadError::Failed(error) if error.kind() == ErrorKind::MemoryGone)
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
