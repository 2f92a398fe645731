use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::segment::Identity;
use crate::brand::{Brand, HostPids, Label, Namespace, Of};
use crate::interface::Residents;
use crate::near::Pid;

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

/// A pid namespace in which the processes of the pid namespace `P` have numbers: `P` itself, and this
/// process's own, inside of which all others are. Sealed.
///
/// A namespace that was made inside of another one is seen by that, too, but which one that was is not part of
/// its brand.
#[diagnostic::on_unimplemented(
    message = "the process has no number in this task's pid namespace",
    label = "the pid namespace `{Self}` is not known to see `{P}`",
    note = "a process has a number in its own pid namespace and in those around it, and none anywhere else",
    note = "every driven task has a number in `host_pids`: ask `Task::here()`, or another task of this process's pid namespace",
    note = "in generic code, ask for it: `L: handle::AsProcess<K::PidNamespace>`"
)]
pub trait Sees<P>: Namespace {
    #[doc(hidden)]
    fn number(own: Pid<P>, hosts: Pid<HostPids>) -> Pid<Self>
    where
        Self: Sized;
}

impl<P> Sees<P> for HostPids {
    fn number(_own: Pid<P>, hosts: Pid<HostPids>) -> Pid<HostPids> {
        hosts
    }
}

impl<L: Label> Sees<Self> for Brand<'_, L> {
    fn number(own: Pid<Self>, _hosts: Pid<HostPids>) -> Pid<Self> {
        own
    }
}
