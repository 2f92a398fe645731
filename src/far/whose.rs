/// What an id of a call says of its namespace, beside its type.
#[doc(hidden)]
#[derive(Debug)]
pub enum Whose<'id, N> {
    /// Nothing: it is a number alone.
    AsItsTypeSays,
    /// It is not of any.
    Nobodys,
    /// It is of this one.
    Of(&'id N),
}

impl<N> Clone for Whose<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Whose<'_, N> {}

impl<N> Whose<'_, N> {
    /// Whether it can be used where this is the namespace, if the types leave that open.
    #[inline]
    pub(crate) fn fits(&self, is_own: impl FnOnce(&N) -> bool) -> bool {
        match self {
            Whose::AsItsTypeSays => false,
            Whose::Nobodys => true,
            Whose::Of(namespace) => is_own(namespace),
        }
    }

    pub(crate) fn known(&self) -> Option<&N> {
        match self {
            Whose::Of(namespace) => Some(namespace),
            _ => None,
        }
    }
}
