//! Buffers, and whose memory they are.
//!
//! # Safety
//!
//! 1. A reference of this program points into the memory of every task whose address space is a
//!    [`HoldsSlices`].
#![expect(unsafe_code, reason = "promises what memory is where")]

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

use crate::brand::HostMemory;
use crate::near::Address;

/// An address space that this program's references point into.
///
/// # Safety
///
/// Implemented only for address spaces that are, for as long as their tasks exist, this program's.
#[diagnostic::on_unimplemented(
    message = "this buffer or word is not in the task's address space",
    label = "it is not memory of `{Self}`",
    note = "a slice, or an atomic, is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there",
    note = "in generic code, ask for it: `K: FileDescriptorTask<AddressSpace = HostMemory>`, or `K: far::InHostMemory`"
)]
pub unsafe trait HoldsSlices {}

// SAFETY: (1)
unsafe impl HoldsSlices for HostMemory {}

/// Bytes in the address space `A`, to be read by a call.
///
/// # Safety
///
/// `length()` bytes at `address()` are initialised, and stay so while the value is borrowed.
#[diagnostic::on_unimplemented(
    message = "this buffer is not in the task's address space",
    label = "`{Self}` is not memory of `{A}`",
    note = "a slice is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there",
    note = "buffers are bytes: `[u8]`, `[u8; N]`, `Vec<u8>`, `str`"
)]
pub unsafe trait Buf<A> {
    /// Where it is.
    fn address(&self) -> Address<A>;
    /// How many bytes it has.
    fn length(&self) -> usize;
}

/// Bytes in the address space `A`, to be written by a call.
///
/// A `Vec` is written to up to its length, not its capacity: an empty one reads as if the file had
/// ended. Give `vec![0; n]`, or [`Vec::spare_capacity_mut`].
///
/// # Safety
///
/// `length()` bytes at `address()` may be overwritten with any value while the value is mutably
/// borrowed.
#[diagnostic::on_unimplemented(
    message = "this buffer is not in the task's address space",
    label = "`{Self}` is not memory of `{A}`",
    note = "a slice is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there",
    note = "buffers to write to are bytes: `[u8]`, `[u8; N]`, `Vec<u8>`, or `MaybeUninit` of them"
)]
pub unsafe trait BufMut<A> {
    /// Where it is.
    fn address_mut(&mut self) -> Address<A>;
    /// How many bytes it has.
    fn length(&self) -> usize;
}

macro_rules! slice_buffers {
    ($([$($generics:tt)*] $bytes:ty)+) => {$(
        // SAFETY: (1); a borrowed slice.
        unsafe impl<A: HoldsSlices, $($generics)*> Buf<A> for $bytes {
            #[inline]
            fn address(&self) -> Address<A> {
                Address::new(self.as_ptr().expose_provenance())
            }
            #[inline]
            fn length(&self) -> usize {
                self.len()
            }
        }

        slice_buffers_mut! { [$($generics)*] $bytes }
    )+};
}

macro_rules! slice_buffers_mut {
    ([$($generics:tt)*] $bytes:ty) => {
        // SAFETY: (1); a mutably borrowed slice of something that any bytes are valid for.
        unsafe impl<A: HoldsSlices, $($generics)*> BufMut<A> for $bytes {
            #[inline]
            fn address_mut(&mut self) -> Address<A> {
                Address::new(self.as_mut_ptr().expose_provenance())
            }
            #[inline]
            fn length(&self) -> usize {
                self.len()
            }
        }
    };
}

slice_buffers! {
    [] [u8]
    [const N: usize] [u8; N]
    [] Vec<u8>
}
slice_buffers_mut! { [] IoSliceMut<'_> }
slice_buffers_mut! { [] [MaybeUninit<u8>] }
slice_buffers_mut! { [const N: usize] [MaybeUninit<u8>; N] }

// SAFETY: (1); a borrowed string.
unsafe impl<A: HoldsSlices> Buf<A> for str {
    #[inline]
    fn address(&self) -> Address<A> {
        Address::new(self.as_ptr().expose_provenance())
    }
    #[inline]
    fn length(&self) -> usize {
        self.len()
    }
}

// SAFETY: (1); a borrowed slice.
unsafe impl<A: HoldsSlices> Buf<A> for IoSlice<'_> {
    #[inline]
    fn address(&self) -> Address<A> {
        Address::new(self.as_ptr().expose_provenance())
    }
    #[inline]
    fn length(&self) -> usize {
        self.len()
    }
}

// SAFETY: what is borrowed through `self` is borrowed too.
unsafe impl<A, B: Buf<A> + ?Sized> Buf<A> for &B {
    #[inline]
    fn address(&self) -> Address<A> {
        (**self).address()
    }
    #[inline]
    fn length(&self) -> usize {
        (**self).length()
    }
}

// SAFETY: what is mutably borrowed through `self` is mutably borrowed too.
unsafe impl<A, B: BufMut<A> + ?Sized> BufMut<A> for &mut B {
    #[inline]
    fn address_mut(&mut self) -> Address<A> {
        (**self).address_mut()
    }
    #[inline]
    fn length(&self) -> usize {
        (**self).length()
    }
}
