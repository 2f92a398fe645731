use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::ops::{Bound, Range, RangeBounds};

use super::Address;
use crate::brand::{HostMemory, Namespace};

/// The size of a page: a power of two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize {
    shift: u8,
}

impl PageSize {
    /// 4 KiB, the pages of ordinary mappings.
    pub const BASE: Self = PageSize { shift: 12 };
    /// 2 MiB.
    pub const HUGE_2MIB: Self = PageSize { shift: 21 };
    /// 1 GiB.
    pub const HUGE_1GIB: Self = PageSize { shift: 30 };

    /// A size in bytes; `None` unless it is a power of two, and of 4 KiB at least.
    #[must_use]
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes.is_power_of_two() && bytes >= PageSize::BASE.bytes() {
            Some(PageSize { shift: bytes.trailing_zeros() as u8 })
        } else {
            None
        }
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        1 << self.shift
    }

    /// The power of two that it is.
    pub(crate) const fn shift(self) -> usize {
        self.shift as usize
    }

    const fn divides(self, number: usize) -> bool {
        number & (self.bytes() - 1) == 0
    }
}

impl fmt::Debug for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PageSize").field(&self.bytes()).finish()
    }
}

/// A range of whole pages in the address space `A`.
///
/// Its address and length are multiples of its page size by construction, it is not empty, and it does
/// not wrap around. It does not say whether anything is mapped there: that is what a handle is for.
///
/// ```
/// use nearfar::near::{Address, MemoryMapping, PageSize};
/// use nearfar::prelude::*;
///
/// #[repr(align(4096))]
/// struct Aligned([u8; 8192]);
/// let pages = Aligned([0; 8192]);
/// let address = Address::from(&raw const pages);
/// let mapping = MemoryMapping::new(address, 8192, PageSize::BASE).unwrap();
/// let second = mapping.slice(4096..).unwrap();
/// assert_eq!(second.length(), 4096);
/// // Beyond its end, and in the middle of a page.
/// assert!(mapping.slice(..8193).is_none());
/// assert!(mapping.slice(1..).is_none());
/// # drop(pages);
/// ```
pub struct MemoryMapping<A> {
    /// Invariant: a multiple of `page_size`, as is `length`; their sum does not overflow.
    address: Address<A>,
    length: NonZeroUsize,
    page_size: PageSize,
}

impl<A> MemoryMapping<A> {
    /// `length` bytes at `address`; `None` unless both are multiples of the page size, and for no bytes at
    /// all or for more than there are.
    #[must_use]
    pub fn new(address: Address<A>, length: usize, page_size: PageSize) -> Option<Self> {
        let is_aligned = page_size.divides(address.as_raw()) && page_size.divides(length);
        address.as_raw().checked_add(length)?;
        let length = NonZeroUsize::new(length)?;
        is_aligned.then_some(MemoryMapping { address, length, page_size })
    }

    /// The same pages, of an address space that is known to be the same.
    pub(crate) const fn rebranded<B>(self) -> MemoryMapping<B> {
        let MemoryMapping { address, length, page_size } = self;
        MemoryMapping { address: Address::new(address.as_raw()), length, page_size }
    }

    /// Where it starts.
    #[must_use]
    pub const fn address(&self) -> Address<A> {
        self.address
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length.get()
    }

    /// The first address behind it.
    #[must_use]
    pub const fn end(&self) -> Address<A> {
        Address::new(self.address.as_raw() + self.length.get())
    }

    /// The size of its pages.
    #[must_use]
    pub const fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// How many pages it has.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.length.get() >> self.page_size.shift
    }

    /// Whether `address` is in it.
    #[must_use]
    pub fn contains(&self, address: Address<A>) -> bool {
        (self.address..self.end()).contains(&address)
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.address < other.end() && other.address < self.end()
    }

    /// The pages of a range of bytes, counted from its start; `None` if the range ends beyond its end, is
    /// empty, or does not start and end between two pages.
    #[must_use]
    pub fn slice(&self, bytes: impl RangeBounds<usize>) -> Option<Self> {
        let bytes = range_within(self.length(), bytes)?;
        let address = Address::new(self.address.as_raw() + bytes.start);
        MemoryMapping::new(address, bytes.len(), self.page_size)
    }
}

/// What a range of something with this length means; `None` if it begins behind its own end, or ends behind
/// the length.
pub(crate) fn range_within(length: usize, range: impl RangeBounds<usize>) -> Option<Range<usize>> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1)?,
        Bound::Excluded(&end) => end,
        Bound::Unbounded => length,
    };
    (start <= end && end <= length).then_some(start..end)
}

impl<A> Clone for MemoryMapping<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for MemoryMapping<A> {}

impl<A> PartialEq for MemoryMapping<A> {
    fn eq(&self, other: &Self) -> bool {
        (self.address, self.length, self.page_size)
            == (other.address, other.length, other.page_size)
    }
}

impl<A> Eq for MemoryMapping<A> {}

impl<A> Hash for MemoryMapping<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.address, self.length, self.page_size).hash(state);
    }
}

impl<A: Namespace> fmt::Display for MemoryMapping<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.address.as_raw(), self.end().as_raw());
        write!(f, "MemoryMapping({}:{start:#x}..{end:#x})", A::NAME)
    }
}

impl<A: Namespace> fmt::Debug for MemoryMapping<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const _: () = {
    assert!(size_of::<MemoryMapping<HostMemory>>() == 24);
    assert!(size_of::<Option<MemoryMapping<HostMemory>>>() == 24);
};
