use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::segment::Identity;
use crate::brand::{HostFds, Namespace, Of};
use crate::interface::CloseList;

/// The identity of an fd table.
pub struct FdTable<F> {
    /// `None` for the host's table, which closes its own fds.
    elsewhere: Option<Arc<Elsewhere>>,
    brand: Of<F>,
}

/// A table this process's own `close` does not reach.
struct Elsewhere {
    identity: Identity,
    closes: Arc<CloseList>,
}

impl FdTable<HostFds> {
    pub(crate) const HOST: Self = FdTable { elsewhere: None, brand: Of::new() };
}

impl<F> FdTable<F> {
    /// A table no task lives in yet: closing an fd in it does nothing.
    pub(crate) fn without_tasks() -> Self {
        let elsewhere = Elsewhere { identity: Identity::new(), closes: CloseList::new() };
        FdTable { elsewhere: Some(Arc::new(elsewhere)), brand: Of::new() }
    }

    /// Where to post what is to be closed in this table; `None` if the host closes it itself.
    pub(crate) fn closes(&self) -> Option<&Arc<CloseList>> {
        self.elsewhere.as_ref().map(|table| &table.closes)
    }

    fn identity(&self) -> Identity {
        self.elsewhere.as_ref().map_or(Identity::HOST, |table| table.identity)
    }
}

impl<F> Clone for FdTable<F> {
    #[inline]
    fn clone(&self) -> Self {
        FdTable { elsewhere: self.elsewhere.clone(), brand: self.brand }
    }
}

impl<F, G> PartialEq<FdTable<G>> for FdTable<F> {
    fn eq(&self, other: &FdTable<G>) -> bool {
        self.identity() == other.identity()
    }
}

impl<F> Eq for FdTable<F> {}

impl<F> Hash for FdTable<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl<F: Namespace> fmt::Display for FdTable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity().describe(f, "FdTable", F::NAME)
    }
}

impl<F: Namespace> fmt::Debug for FdTable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
