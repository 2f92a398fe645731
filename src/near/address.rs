use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::brand::{HostMemory, Namespace, Of};

/// An address in the address space `A`.
///
/// It does not say whether anything is mapped there.
#[repr(transparent)]
pub struct Address<A> {
    value: usize,
    space: Of<A>,
}

impl<A> Address<A> {
    pub(crate) const fn new(value: usize) -> Self {
        Address { value, space: Of::new() }
    }

    /// The number, for interfaces that take plain integers.
    #[inline]
    #[must_use]
    pub const fn as_raw(self) -> usize {
        self.value
    }
}

impl<T: ?Sized> From<*const T> for Address<HostMemory> {
    /// A pointer of this program is an address in this program's memory.
    fn from(pointer: *const T) -> Self {
        Address::new(pointer.cast::<()>().expose_provenance())
    }
}

impl<T: ?Sized> From<*mut T> for Address<HostMemory> {
    /// A pointer of this program is an address in this program's memory.
    fn from(pointer: *mut T) -> Self {
        Address::from(pointer.cast_const())
    }
}

impl<A> Clone for Address<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Address<A> {}

impl<A> PartialEq for Address<A> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<A> Eq for Address<A> {}

impl<A> PartialOrd for Address<A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<A> Ord for Address<A> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_raw().cmp(&other.as_raw())
    }
}

impl<A> Hash for Address<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_raw().hash(state);
    }
}

impl<A: Namespace> fmt::Display for Address<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}:{:#x})", A::NAME, self.value)
    }
}

impl<A: Namespace> fmt::Debug for Address<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const _: () = assert!(size_of::<Address<HostMemory>>() == 8);
