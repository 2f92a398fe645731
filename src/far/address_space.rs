use std::sync::Arc;

use super::segment::Segment;
use crate::brand::{Namespace, Of};
use crate::interface::ForkedMemory;

/// The identity of an address space.
pub struct AddressSpace<A> {
    segment: Segment<Arc<ForkedMemory>>,
    brand: Of<A>,
}

namespace_identity! { AddressSpace<A> HostMemory "host_memory" }

impl<A: Namespace> AddressSpace<A> {
    /// That of a child which has this memory.
    pub(crate) fn of(memory: Arc<ForkedMemory>) -> Self {
        AddressSpace { segment: Segment::new(A::NAME, memory), brand: Of::new() }
    }
}

impl<A> AddressSpace<A> {
    /// Its memory; `None` for the host's.
    pub(crate) fn memory(&self) -> Option<&Arc<ForkedMemory>> {
        self.segment.known()
    }
}
