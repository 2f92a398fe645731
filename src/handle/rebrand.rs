use crate::far::NamespaceMismatchError;

/// A handle that is of another namespace than the task it was to be used with.
#[non_exhaustive]
pub struct NotRebranded<H> {
    /// Why.
    pub error: NamespaceMismatchError,
    /// The handle, as it was.
    pub handle: H,
}

undone! { NotRebranded<H> NamespaceMismatchError }

impl<H> NotRebranded<H> {
    /// The same of what the handle is part of.
    pub(crate) fn map<J>(self, whole: impl FnOnce(H) -> J) -> NotRebranded<J> {
        NotRebranded { error: self.error, handle: whole(self.handle) }
    }
}
