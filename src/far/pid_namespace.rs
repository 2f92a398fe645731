use std::sync::{Arc, Mutex, PoisonError};

use super::segment::{Segment, WeakSegment};
use crate::brand::{Brand, HostPids, Label, Namespace, Of};
use crate::interface::{OpenNamespace, Process, Residents};
use crate::near::Pid;

/// The identity of a pid namespace.
pub struct PidNamespace<P> {
    segment: Segment<Arc<Residents>>,
    brand: Of<P>,
}

namespace_identity! { PidNamespace<P> HostPids "host_pids" }

impl<P: Namespace> PidNamespace<P> {
    /// One with these residents.
    pub(crate) fn of(residents: Arc<Residents>) -> Self {
        let segment = Segment::new(P::NAME, residents);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(WeakSegment::is_alive);
        known.push(segment.downgrade());
        PidNamespace { segment, brand: Of::new() }
    }
}

/// Those that are not the host's, while somebody has their identity.
static KNOWN: Mutex<Vec<WeakSegment<Arc<Residents>>>> = Mutex::new(Vec::new());

impl<P: Namespace> PidNamespace<P> {
    /// The one that a process of `own` has joined: where its next children go.
    pub(crate) fn joined_by<Q>(process: &Process, own: &PidNamespace<Q>) -> Self {
        let theirs = process.namespace("pid_for_children").ok();
        if theirs.is_some() && theirs == process.namespace("pid").ok() {
            return own.rebranded();
        }
        let known = theirs.as_ref().and_then(PidNamespace::<P>::known);
        if known.as_ref().is_some_and(|known| known.residents().is_none()) {
            return PidNamespace::of_host();
        }
        let known = known.as_ref().and_then(PidNamespace::residents);
        PidNamespace::of(Residents::unknown(own.residents(), theirs, known))
    }
}

impl<P> PidNamespace<P> {
    /// The one that is this namespace of the kernel's, if anybody here has its identity.
    pub(crate) fn known(namespace: &OpenNamespace) -> Option<Self> {
        if OpenNamespace::of_this_thread("pid").as_ref() == Ok(namespace) {
            return Some(PidNamespace::of_host());
        }
        let known: Vec<_> = {
            let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().filter_map(WeakSegment::upgrade).collect()
        };
        let found = known.into_iter().find(|segment| {
            segment.known().is_some_and(|known| known.live_in(namespace) == Ok(true))
        });
        found.map(|segment| PidNamespace { segment, brand: Of::new() })
    }

    /// Who lives in it; `None` for the host's.
    pub(crate) fn residents(&self) -> Option<&Arc<Residents>> {
        self.segment.known()
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
    note = "a dynamic task knows of no other: ask a branded one, such as `Task::here()`",
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
