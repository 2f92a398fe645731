use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

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

    /// One that others may live in, made inside of `own`, with what is known of it.
    pub(crate) fn of_others<Q>(
        own: &PidNamespace<Q>,
        namespace: Option<OpenNamespace>,
        known: Option<&Self>,
    ) -> Self {
        let known = known.and_then(PidNamespace::residents);
        PidNamespace::of(Residents::unknown(own.residents(), namespace, known))
    }
}

/// Those that are not the host's, while somebody has their identity.
static KNOWN: Mutex<Vec<WeakSegment<Arc<Residents>>>> = Mutex::new(Vec::new());

/// How long it may take another thread to find out which namespace it has made.
const BIRTH: Duration = Duration::from_millis(200);

/// Where the children of a process go, after it has said that they are to join a namespace.
pub(crate) enum Joined<P> {
    /// To its own again, or to this process's.
    Back(PidNamespace<P>),
    /// To one that somebody here has the identity of.
    Known(PidNamespace<P>, OpenNamespace),
    /// To another one; `None` if it could not be told to which, so that it may be any.
    Unknown(Option<OpenNamespace>),
}

impl<P> Joined<P> {
    /// By a process of `own`.
    pub(crate) fn by<Q>(process: &Process, own: &PidNamespace<Q>) -> Self {
        let Ok(theirs) = process.namespace("pid_for_children") else {
            return Joined::Unknown(None);
        };
        if process.namespace("pid").as_ref() == Ok(&theirs) {
            return Joined::Back(own.rebranded());
        }
        let deadline = Instant::now() + BIRTH;
        let mut known = PidNamespace::known(&theirs);
        while matches!(known, Err(Errno::AGAIN)) && Instant::now() < deadline {
            thread::yield_now();
            known = PidNamespace::known(&theirs);
        }
        match known {
            Ok(Some(host)) if host.residents().is_none() => Joined::Back(host),
            Ok(Some(known)) => Joined::Known(known, theirs),
            Ok(None) => Joined::Unknown(Some(theirs)),
            Err(_untold) => Joined::Unknown(None),
        }
    }
}

impl<P> PidNamespace<P> {
    /// The one that is this namespace of the kernel's, if anybody here has its identity; or why that cannot be
    /// told.
    pub(crate) fn known(namespace: &OpenNamespace) -> Result<Option<Self>, Errno> {
        if OpenNamespace::of_this_thread("pid")? == *namespace {
            return Ok(Some(PidNamespace::of_host()));
        }
        let known: Vec<_> = {
            let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().filter_map(WeakSegment::upgrade).collect()
        };
        let mut untold = None;
        for segment in known {
            match segment.known().map_or(Ok(false), |residents| residents.live_in(namespace)) {
                Ok(true) => return Ok(Some(PidNamespace { segment, brand: Of::new() })),
                // Nobody has lived there yet.
                Ok(false) | Err(Errno::NOENT) => {}
                Err(errno) => untold = Some(errno),
            }
        }
        untold.map_or(Ok(None), Err)
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
