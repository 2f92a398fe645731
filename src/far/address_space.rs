use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::segment::Identity;
use crate::brand::{HostMemory, Namespace, Of};
use crate::interface::ForkedMemory;

/// The identity of an address space.
pub struct AddressSpace<A> {
    /// `None` for the host's.
    elsewhere: Option<Arc<Elsewhere>>,
    brand: Of<A>,
}

/// Memory that is not the host's.
struct Elsewhere {
    identity: Identity,
    memory: Arc<ForkedMemory>,
}

impl AddressSpace<HostMemory> {
    pub(crate) const HOST: Self = AddressSpace { elsewhere: None, brand: Of::new() };
}

impl<A> AddressSpace<A> {
    /// That of a child which has this memory.
    pub(crate) fn of(memory: Arc<ForkedMemory>) -> Self {
        let elsewhere = Elsewhere { identity: Identity::new(), memory };
        AddressSpace { elsewhere: Some(Arc::new(elsewhere)), brand: Of::new() }
    }

    /// Its memory; `None` for the host's.
    pub(crate) fn memory(&self) -> Option<&Arc<ForkedMemory>> {
        self.elsewhere.as_ref().map(|space| &space.memory)
    }

    fn identity(&self) -> Identity {
        self.elsewhere.as_ref().map_or(Identity::HOST, |space| space.identity)
    }
}

impl<A> Clone for AddressSpace<A> {
    #[inline]
    fn clone(&self) -> Self {
        AddressSpace { elsewhere: self.elsewhere.clone(), brand: self.brand }
    }
}

impl<A, B> PartialEq<AddressSpace<B>> for AddressSpace<A> {
    fn eq(&self, other: &AddressSpace<B>) -> bool {
        self.identity() == other.identity()
    }
}

impl<A> Eq for AddressSpace<A> {}

impl<A> Hash for AddressSpace<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl<A: Namespace> fmt::Display for AddressSpace<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity().describe(f, "AddressSpace", A::NAME)
    }
}

impl<A: Namespace> fmt::Debug for AddressSpace<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
