use std::sync::Arc;

use super::segment::Segment;
use crate::brand::{Namespace, Of};
use crate::handle::Heap;
use crate::interface::{DeferredCalls, ForkedMemory};

/// The identity of an address space.
pub struct AddressSpace<A> {
    segment: Segment<Elsewhere>,
    brand: Of<A>,
}

/// What there is to know of memory that is not the host's.
struct Elsewhere {
    memory: Arc<ForkedMemory>,
    heap: Arc<Heap>,
}

namespace_identity! { AddressSpace<A> HostMemory "host_memory" }

impl<A: Namespace> AddressSpace<A> {
    /// That of a child which has this memory.
    pub(crate) fn of(memory: Arc<ForkedMemory>) -> Self {
        let elsewhere = Elsewhere { memory, heap: Heap::empty() };
        AddressSpace { segment: Segment::new(A::NAME, elsewhere), brand: Of::new() }
    }
}

impl<A> AddressSpace<A> {
    /// What is allocated in it; `None` for the host's.
    pub(crate) fn heap(&self) -> Option<&Arc<Heap>> {
        self.segment.known().map(|elsewhere| &elsewhere.heap)
    }

    /// What is left to the tasks of this memory; `None` if it is the host's.
    pub(crate) fn unmaps(&self) -> Option<&Arc<DeferredCalls>> {
        self.segment.known().map(|elsewhere| elsewhere.memory.unmaps())
    }

    /// Has pages unmapped by any of its tasks. False if this is the host's memory, which the host unmaps.
    pub(crate) fn unmap(&self, [address, length]: [usize; 2]) -> bool {
        let Some(Elsewhere { memory, .. }) = self.segment.known() else { return false };
        memory.unmap(address, length);
        true
    }
}
