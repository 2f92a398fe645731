//! Buffers, and whose memory they are.
//!
//! # Safety
//!
//! 1. A reference of this program points into the memory of every task whose address space is a
//!    [`HoldsSlices`].
//! 2. A `Vector` in an [`IoBuf`] or [`IoBufMut`] is what the kernel takes as `struct iovec`: the
//!    address and length of a buffer that is borrowed for as long as it exists.
#![expect(unsafe_code, reason = "promises what memory is where")]

use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::slice;

use crate::brand::{HostMemory, Namespace, Of};
use crate::near::Address;

/// An address space that this program's references point into.
///
/// # Safety
///
/// Implemented only for address spaces that are, for as long as their tasks exist, this program's.
#[diagnostic::on_unimplemented(
    message = "this buffer or word is not in the task's address space",
    label = "it is not memory of `{Self}`",
    note = "a slice, or an atomic, is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there: `task.malloc_slice`",
    note = "in generic code, ask for it: `K: FileDescriptorTask<AddressSpace = HostMemory>`, or `K: far::InHostMemory`"
)]
pub unsafe trait HoldsSlices {}

// SAFETY: (1)
unsafe impl HoldsSlices for HostMemory {}

/// Bytes in the address space `A`, to be read by a call.
///
/// # Safety
///
/// `length()` bytes at `address()` are initialised, and stay so while the value is borrowed. It is the
/// kernel that reads them: that they can be loaded is not promised, also in this program's memory.
#[diagnostic::on_unimplemented(
    message = "this buffer is not in the task's address space",
    label = "`{Self}` is not memory of `{A}`",
    note = "a slice is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there: `task.malloc_slice`",
    note = "buffers are bytes: `[u8]`, `[u8; N]`, `Vec<u8>`, `str`, and `Pointer`s to plain data"
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
/// `length()` bytes at `address()` may be overwritten with any value, by the kernel, while the value is
/// mutably borrowed.
#[diagnostic::on_unimplemented(
    message = "this buffer is not in the task's address space",
    label = "`{Self}` is not memory of `{A}`",
    note = "a slice is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there: `task.malloc_slice`",
    note = "buffers to write to are bytes: `[u8]`, `[u8; N]`, `Vec<u8>`, or `MaybeUninit` of them, and `Pointer`s to plain data"
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

/// One buffer of several in the address space `A` that one call reads, such as
/// [`sendmsg`](crate::task::SocketMessageTask::sendmsg) and
/// [`writev`](crate::task::TransferTask::writev): std's [`IoSlice`], for any
/// address space.
#[repr(transparent)]
pub struct IoBuf<'b, A> {
    /// Invariant (2).
    vector: Vector,
    buffer: PhantomData<&'b [u8]>,
    space: Of<A>,
}

impl<'b, A> IoBuf<'b, A> {
    /// All of this buffer.
    #[must_use]
    pub fn new(buffer: &'b (impl Buf<A> + ?Sized)) -> Self {
        let vector = Vector { address: buffer.address().as_raw(), length: buffer.length() };
        IoBuf { vector, buffer: PhantomData, space: Of::new() }
    }

    pub(crate) fn vectors(buffers: &[Self]) -> &[Vector] {
        // SAFETY: the same memory, as `IoBuf` is transparent.
        unsafe { slice::from_raw_parts(buffers.as_ptr().cast(), buffers.len()) }
    }
}

impl<A> Clone for IoBuf<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for IoBuf<'_, A> {}

/// One buffer of several in the address space `A` that one call writes to, such as
/// [`recvmsg`](crate::task::SocketMessageTask::recvmsg) and
/// [`readv`](crate::task::TransferTask::readv): std's [`IoSliceMut`], for
/// any address space.
#[repr(transparent)]
pub struct IoBufMut<'b, A> {
    /// Invariant (2).
    vector: Vector,
    buffer: PhantomData<&'b mut [u8]>,
    space: Of<A>,
}

impl<'b, A> IoBufMut<'b, A> {
    /// All of this buffer.
    #[must_use]
    pub fn new(buffer: &'b mut (impl BufMut<A> + ?Sized)) -> Self {
        let length = buffer.length();
        let vector = Vector { address: buffer.address_mut().as_raw(), length };
        IoBufMut { vector, buffer: PhantomData, space: Of::new() }
    }

    /// Mutably, as what is in the buffers changes.
    pub(crate) fn vectors(buffers: &mut [Self]) -> &[Vector] {
        // SAFETY: the same memory, as `IoBufMut` is transparent.
        unsafe { slice::from_raw_parts(buffers.as_ptr().cast(), buffers.len()) }
    }
}

macro_rules! debug_buffers {
    ($($name:ident)+) => {$(
        impl<A: Namespace> fmt::Debug for $name<'_, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let address = Address::<A>::new(self.vector.address);
                write!(f, "{}({address}, {} bytes)", stringify!($name), self.vector.length)
            }
        }
    )+};
}

debug_buffers! { IoBuf IoBufMut }

/// `struct iovec`, as numbers: its address may be one of another address space.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Vector {
    pub(crate) address: usize,
    pub(crate) length: usize,
}

impl Vector {
    /// To be lent to the kernel.
    pub(crate) fn as_bytes(vectors: &[Vector]) -> &[u8] {
        // SAFETY: two integers without padding.
        unsafe { slice::from_raw_parts(vectors.as_ptr().cast(), size_of_val(vectors)) }
    }
}

const _: () = {
    assert!(size_of::<Vector>() == size_of::<libc::iovec>());
    assert!(offset_of!(Vector, address) == offset_of!(libc::iovec, iov_base));
    assert!(offset_of!(Vector, length) == offset_of!(libc::iovec, iov_len));
    assert!(size_of::<IoBuf<'_, HostMemory>>() == size_of::<Vector>());
    assert!(size_of::<IoBufMut<'_, HostMemory>>() == size_of::<Vector>());
};

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

// SAFETY: (2); the buffer that is borrowed.
unsafe impl<A> Buf<A> for IoBuf<'_, A> {
    #[inline]
    fn address(&self) -> Address<A> {
        Address::new(self.vector.address)
    }
    #[inline]
    fn length(&self) -> usize {
        self.vector.length
    }
}

// SAFETY: (2); the buffer that is mutably borrowed.
unsafe impl<A> BufMut<A> for IoBufMut<'_, A> {
    #[inline]
    fn address_mut(&mut self) -> Address<A> {
        Address::new(self.vector.address)
    }
    #[inline]
    fn length(&self) -> usize {
        self.vector.length
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
