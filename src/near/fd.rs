use std::cmp::Ordering;
use std::ffi::c_int;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroI32;

use crate::brand::{Namespace, Of};

/// The number of a slot in the fd table `F`.
///
/// It does not say whether the slot is open, and closes nothing: [`handle::Fd`](crate::Fd) does.
/// Four bytes, and so is an `Option` of it.
#[repr(transparent)]
pub struct Fd<F> {
    /// The complement of the number. Invariant: negative, so never zero.
    complement: NonZeroI32,
    table: Of<F>,
}

impl<F> Fd<F> {
    /// The slot `number` of the table `F`; `None` if the number is negative.
    #[must_use]
    pub(crate) const fn new(number: c_int) -> Option<Self> {
        if number < 0 {
            return None;
        }
        match NonZeroI32::new(!number) {
            Some(complement) => Some(Fd { complement, table: Of::new() }),
            None => None,
        }
    }

    /// The number, for interfaces that take plain integers.
    #[inline]
    #[must_use]
    pub const fn as_raw(self) -> c_int {
        !self.complement.get()
    }

    /// The same number, for a table that is known to be the same.
    #[inline]
    pub(crate) const fn rebranded<G>(self) -> Fd<G> {
        Fd { complement: self.complement, table: Of::new() }
    }
}

impl<F> Clone for Fd<F> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Fd<F> {}

impl<F> PartialEq for Fd<F> {
    fn eq(&self, other: &Self) -> bool {
        self.complement == other.complement
    }
}

impl<F> Eq for Fd<F> {}

impl<F> PartialOrd for Fd<F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<F> Ord for Fd<F> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_raw().cmp(&other.as_raw())
    }
}

impl<F> Hash for Fd<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_raw().hash(state);
    }
}

impl<F: Namespace> fmt::Display for Fd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fd({}:{})", F::NAME, self.as_raw())
    }
}

impl<F: Namespace> fmt::Debug for Fd<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const _: () = {
    assert!(size_of::<Fd<crate::HostFds>>() == 4);
    assert!(size_of::<Option<Fd<crate::HostFds>>>() == 4);
};
