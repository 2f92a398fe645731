use std::ffi::c_int;
use std::num::NonZeroI32;

use crate::brand::Of;

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

near_id! { Fd, "{}" }

const _: () = {
    assert!(size_of::<Fd<crate::HostFds>>() == 4);
    assert!(size_of::<Option<Fd<crate::HostFds>>>() == 4);
};
