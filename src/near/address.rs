use crate::brand::{HostMemory, Of};

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

    /// The address this many bytes further on; `None` beyond the last one.
    #[must_use]
    pub const fn checked_add(self, bytes: usize) -> Option<Self> {
        match self.value.checked_add(bytes) {
            Some(value) => Some(Address::new(value)),
            None => None,
        }
    }

    /// The address this many bytes before; `None` below 0.
    #[must_use]
    pub const fn checked_sub(self, bytes: usize) -> Option<Self> {
        match self.value.checked_sub(bytes) {
            Some(value) => Some(Address::new(value)),
            None => None,
        }
    }

    /// The address at this distance, forwards or backwards; `None` if there is none.
    ///
    /// ```
    /// use nearfar::near::Address;
    ///
    /// let word = Address::from(&raw const *&7_u32);
    /// let next = word.checked_offset(4).unwrap();
    /// assert_eq!(next.checked_offset(-4), Some(word));
    /// assert_eq!(next.bytes_after(word), Some(4));
    /// ```
    #[must_use]
    pub const fn checked_offset(self, bytes: isize) -> Option<Self> {
        match self.value.checked_add_signed(bytes) {
            Some(value) => Some(Address::new(value)),
            None => None,
        }
    }

    /// How many bytes it is behind `earlier`, an address of the same space; `None` if it is before that.
    #[must_use]
    pub const fn bytes_after(self, earlier: Self) -> Option<usize> {
        self.value.checked_sub(earlier.value)
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

near_id! { Address, "{:#x}" }

/// What a read takes as an address in the address space `A`: an [`Address`] of it. Sealed.
#[diagnostic::on_unimplemented(
    message = "the address is not of this memory",
    label = "`{Self}` is not an address in `{A}`",
    note = "an address means something only in the address space it was learned in: read it through the memory it came from, or in this program by a reference",
    note = "a number that means something in this memory, such as one that was read there, becomes an address of it by `memory.address(number)`"
)]
pub trait AsAddress<A>: sealed::Sealed {
    #[doc(hidden)]
    fn address(self) -> Address<A>;
}

impl<A> AsAddress<A> for Address<A> {
    #[inline(always)]
    fn address(self) -> Address<A> {
        self
    }
}

mod sealed {
    pub trait Sealed {
        /// So there are no objects, to which another crate could give what it likes.
        const NO_OBJECT: () = ();
    }
    impl<A> Sealed for super::Address<A> {}
}

const _: () = assert!(size_of::<Address<HostMemory>>() == 8);
