use std::{fmt, io};

use crate::far::NamespaceMismatchError;

/// A handle that is of another namespace than the task it was to be used with.
#[derive(thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct NotRebranded<H> {
    /// Why.
    #[source]
    pub error: NamespaceMismatchError,
    /// The handle, as it was.
    pub handle: H,
}

impl<H> NotRebranded<H> {
    /// The same of what the handle is part of.
    pub(crate) fn map<J>(self, whole: impl FnOnce(H) -> J) -> NotRebranded<J> {
        NotRebranded { error: self.error, handle: whole(self.handle) }
    }
}

impl<H> fmt::Debug for NotRebranded<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotRebranded").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<H> From<NotRebranded<H>> for NamespaceMismatchError {
    fn from(undone: NotRebranded<H>) -> Self {
        undone.error
    }
}

impl<H> From<NotRebranded<H>> for io::Error {
    fn from(undone: NotRebranded<H>) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, undone.error)
    }
}
