use std::sync::Arc;

use super::segment::Segment;
use crate::brand::{Namespace, Of};
use crate::interface::Residents;

/// The identity of a pid namespace.
pub struct PidNamespace<P> {
    segment: Segment<Arc<Residents>>,
    brand: Of<P>,
}

namespace_identity! { PidNamespace<P> HostPids "host_pids" }

impl<P: Namespace> PidNamespace<P> {
    /// One with these residents.
    pub(crate) fn of(residents: Arc<Residents>) -> Self {
        PidNamespace { segment: Segment::new(P::NAME, residents), brand: Of::new() }
    }
}

impl<P> PidNamespace<P> {
    /// Who lives in it; `None` for the host's.
    pub(crate) fn residents(&self) -> Option<&Arc<Residents>> {
        self.segment.known()
    }
}
