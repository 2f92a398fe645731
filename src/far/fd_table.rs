use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::segment::Identity;
use crate::brand::{HostFds, Namespace, Of};
use crate::interface::{Call, DeferredCalls};

/// The identity of an fd table.
pub struct FdTable<F> {
    /// `None` for the host's table, which closes its own fds.
    elsewhere: Option<Arc<Elsewhere>>,
    brand: Of<F>,
}

/// A table this process's own `close` does not reach.
struct Elsewhere {
    identity: Identity,
    closes: Arc<DeferredCalls>,
}

impl FdTable<HostFds> {
    pub(crate) const HOST: Self = FdTable { elsewhere: None, brand: Of::new() };
}

impl<F> FdTable<F> {
    /// A table no task lives in yet: closing an fd in it does nothing.
    pub(crate) fn without_tasks() -> Self {
        let elsewhere = Elsewhere { identity: Identity::new(), closes: DeferredCalls::new() };
        FdTable { elsewhere: Some(Arc::new(elsewhere)), brand: Of::new() }
    }

    /// What is left to the tasks of this table; `None` if it is the host's.
    pub(crate) fn closes(&self) -> Option<&Arc<DeferredCalls>> {
        self.elsewhere.as_ref().map(|table| &table.closes)
    }

    /// Has a slot closed by any of its tasks. False if this is the host's table, which the host closes.
    #[inline]
    pub(crate) fn close(&self, number: i32) -> bool {
        let Some(closes) = self.closes() else { return false };
        closes.post(Call::CLOSE, [number as usize, 0]);
        true
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
