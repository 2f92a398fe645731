use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::segment::Identity;
use crate::brand::{HostPids, Namespace, Of};
use crate::interface::Residents;

/// The identity of a pid namespace.
pub struct PidNamespace<P> {
    /// `None` for the host's.
    elsewhere: Option<Arc<Elsewhere>>,
    brand: Of<P>,
}

/// A namespace that is not the host's.
struct Elsewhere {
    identity: Identity,
    residents: Arc<Residents>,
}

impl PidNamespace<HostPids> {
    pub(crate) const HOST: Self = PidNamespace::of_host();
}

impl<P> PidNamespace<P> {
    /// The host's, also for a task that may as well have had another one.
    pub(crate) const fn of_host() -> Self {
        PidNamespace { elsewhere: None, brand: Of::new() }
    }

    /// One with these residents.
    pub(crate) fn of(residents: Arc<Residents>) -> Self {
        let elsewhere = Elsewhere { identity: Identity::new(), residents };
        PidNamespace { elsewhere: Some(Arc::new(elsewhere)), brand: Of::new() }
    }

    /// Who lives in it; `None` for the host's.
    pub(crate) fn residents(&self) -> Option<&Arc<Residents>> {
        self.elsewhere.as_ref().map(|namespace| &namespace.residents)
    }

    fn identity(&self) -> Identity {
        self.elsewhere.as_ref().map_or(Identity::HOST, |namespace| namespace.identity)
    }
}

impl<P> Clone for PidNamespace<P> {
    #[inline]
    fn clone(&self) -> Self {
        PidNamespace { elsewhere: self.elsewhere.clone(), brand: self.brand }
    }
}

impl<P, Q> PartialEq<PidNamespace<Q>> for PidNamespace<P> {
    fn eq(&self, other: &PidNamespace<Q>) -> bool {
        self.identity() == other.identity()
    }
}

impl<P> Eq for PidNamespace<P> {}

impl<P> Hash for PidNamespace<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl<P: Namespace> fmt::Display for PidNamespace<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity().describe(f, "PidNamespace", P::NAME)
    }
}

impl<P: Namespace> fmt::Debug for PidNamespace<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
