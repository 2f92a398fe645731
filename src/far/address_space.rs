use std::fmt;
use std::hash::{Hash, Hasher};

use super::segment::Identity;
use crate::brand::{HostMemory, Namespace, Of};

/// The identity of an address space.
pub struct AddressSpace<A> {
    identity: Identity,
    _brand: Of<A>,
}

impl AddressSpace<HostMemory> {
    pub(crate) const HOST: Self = AddressSpace { identity: Identity::HOST, _brand: Of::new() };
}

impl<A> AddressSpace<A> {
    /// What tells it from others, without the brand.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }
}

impl<A> Clone for AddressSpace<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for AddressSpace<A> {}

impl<A, B> PartialEq<AddressSpace<B>> for AddressSpace<A> {
    fn eq(&self, other: &AddressSpace<B>) -> bool {
        self.identity == other.identity
    }
}

impl<A> Eq for AddressSpace<A> {}

impl<A> Hash for AddressSpace<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}

impl<A: Namespace> fmt::Display for AddressSpace<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.describe(f, "AddressSpace", A::NAME)
    }
}

impl<A: Namespace> fmt::Debug for AddressSpace<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
