//! Buffers, and whose memory they are.

// # Safety
//
// 1. A reference of this program points into the memory of every task whose address space is a
//    `HoldsSlices`.
// 2. An `IoBuf` and an `IoBufMut` have the address, length and space of a buffer that is borrowed for as
//    long as they exist, and so has each `Vector` in `Vectors`: what the kernel takes as `struct iovec`.
#![expect(unsafe_code, reason = "promises what memory is where")]

use std::borrow::Cow;
use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::rc::Rc;
use std::slice;
use std::sync::Arc;

use crate::brand::{Dynamic, HostMemory, Namespace};
use crate::far::{AddressSpace, Whose};
use crate::near::Address;

/// An address space that this program's references point into.
///
/// # Safety
///
/// Implemented only for address spaces that are, for as long as their tasks exist, this program's.
#[diagnostic::on_unimplemented(
    message = "this buffer or word is not in the task's address space",
    label = "it is not memory of `{Self}`",
    note = "a slice, or an atomic, is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there: `task.malloc_slice`, or with bytes in it, `task.ptr_slice(&bytes)`",
    note = "a pinned task takes slices if it was pinned by `pin_in_host_memory`",
    note = "in generic code, ask for it: `K::AddressSpace: nearfar::buf::HoldsSlices`, which dynamic tasks have, too; without those, `K: far::InHostMemory`"
)]
pub unsafe trait HoldsSlices {}

// SAFETY: (1)
unsafe impl HoldsSlices for HostMemory {}
// SAFETY: (1); that a task's memory is this program's is compared before each call.
unsafe impl HoldsSlices for Dynamic {}

/// Bytes in the address space `A`, to be read by a call.
///
/// # Safety
///
/// `length()` bytes at `address()` are initialised, and stay so while the value is borrowed. It is the
/// kernel that reads them: that they can be loaded is not promised, also in this program's memory.
#[diagnostic::on_unimplemented(
    message = "this is not a buffer of bytes in the task's address space",
    label = "`{Self}` is not bytes in `{A}`",
    note = "a slice is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there, with the bytes in it: `task.ptr_slice(&bytes)`",
    note = "a `Pointer` is for the tasks of its address space; `pointer.to_vec(&task)` of such a one is a copy in this process",
    note = "buffers are bytes: `[u8]`, `[u8; N]`, `Vec<u8>`, `str`, `String`, a `Box` or `Arc` of them, and `Pointer`s to plain data; of other plain data, pass `bytemuck::cast_slice(&it)`",
    note = "where one side is `Dynamic`: `erase()` the pointer for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub unsafe trait Buf<A> {
    /// Where it is.
    fn address(&self) -> Address<A>;
    /// How many bytes it has.
    fn length(&self) -> usize;

    /// The address space that it is in.
    #[doc(hidden)]
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        Whose::AsItsTypeSays
    }
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
    message = "this is not a buffer of bytes in the task's address space",
    label = "`{Self}` is not bytes in `{A}`",
    note = "a slice is memory of this process, `host_memory`; for a task in another address space, allocate the buffer there: `task.malloc_slice`",
    note = "a `Pointer` is for the tasks of its address space; `pointer.to_vec(&task)` of such a one is a copy in this process",
    note = "buffers to write to are bytes: `[u8]`, `[u8; N]`, `Vec<u8>`, or `MaybeUninit` of them, a `Box` of such, and `Pointer`s to plain data; of other plain data, pass `bytemuck::cast_slice_mut(&mut it)`",
    note = "where one side is `Dynamic`: `erase()` the pointer for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub unsafe trait BufMut<A> {
    /// Where it is.
    fn address_mut(&mut self) -> Address<A>;
    /// How many bytes it has.
    fn length(&self) -> usize;

    /// The address space that it is in.
    #[doc(hidden)]
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        Whose::AsItsTypeSays
    }
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
            #[inline]
            fn space(&self) -> Whose<'_, AddressSpace<A>> {
                Whose::Of(const { &AddressSpace::of_host() })
            }
        }
    )+};
}

slice_buffers! {
    [] [u8]
    [const N: usize] [u8; N]
    [] Vec<u8>
    [] str
    [] String
    [] Cow<'_, [u8]>
    [] Cow<'_, str>
    [] IoSlice<'_>
    [] IoSliceMut<'_>
}

macro_rules! slice_buffers_mut {
    ($([$($generics:tt)*] $bytes:ty)+) => {$(
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
            #[inline]
            fn space(&self) -> Whose<'_, AddressSpace<A>> {
                Whose::Of(const { &AddressSpace::of_host() })
            }
        }
    )+};
}

slice_buffers_mut! {
    [] [u8]
    [const N: usize] [u8; N]
    [] Vec<u8>
    [] IoSliceMut<'_>
    [] [MaybeUninit<u8>]
    [const N: usize] [MaybeUninit<u8>; N]
}

/// A buffer of whatever type in the address space `A`, to be read by a call: std's [`IoSlice`], for any
/// address space.
///
/// Calls that take several buffers, such as [`writev`](crate::task::TransferTask::writev) and
/// [`sendmsg`](crate::task::SocketMessageTask::sendmsg), take a slice of them. Where they have one type,
/// that is a slice of references to them; where they have not, of these.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
/// here.writev(&writer, &["one type", ", "])?;
/// here.writev(&writer, &[IoBuf::new("two"), IoBuf::new(b" types")])?;
/// let mut text = [0; 64];
/// let length = here.read(&reader, &mut text)?;
/// assert_eq!(&text[..length], b"one type, two types");
/// # Ok(())
/// # }
/// ```
pub struct IoBuf<'b, A> {
    /// Invariant (2).
    address: Address<A>,
    length: usize,
    space: Whose<'b, AddressSpace<A>>,
    buffer: PhantomData<&'b [u8]>,
}

impl<'b, A> IoBuf<'b, A> {
    /// All of this buffer.
    #[must_use]
    pub fn new(buffer: &'b (impl Buf<A> + ?Sized)) -> Self {
        let (address, length) = (buffer.address(), buffer.length());
        IoBuf { address, length, space: buffer.space(), buffer: PhantomData }
    }
}

impl<A> Clone for IoBuf<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for IoBuf<'_, A> {}

/// A buffer of whatever type in the address space `A`, to be written by a call: std's [`IoSliceMut`], for
/// any address space.
///
/// What [`IoBuf`] is for [`readv`](crate::task::TransferTask::readv) and
/// [`recvmsg`](crate::task::SocketMessageTask::recvmsg).
pub struct IoBufMut<'b, A> {
    /// Invariant (2).
    address: Address<A>,
    length: usize,
    space: Whose<'b, AddressSpace<A>>,
    buffer: PhantomData<&'b mut [u8]>,
}

impl<'b, A> IoBufMut<'b, A> {
    /// All of this buffer.
    #[must_use]
    pub fn new(buffer: &'b mut (impl BufMut<A> + ?Sized)) -> Self {
        let (address, length) = (buffer.address_mut(), buffer.length());
        let buffer: &'b _ = buffer;
        IoBufMut { address, length, space: buffer.space(), buffer: PhantomData }
    }
}

macro_rules! debug_buffers {
    ($($name:ident)+) => {$(
        impl<A: Namespace> fmt::Debug for $name<'_, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {} bytes)", stringify!($name), self.address, self.length)
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
    fn of<A>(buffer: &(impl Buf<A> + ?Sized)) -> Self {
        Vector { address: buffer.address().as_raw(), length: buffer.length() }
    }

    fn of_mut<A>(buffer: &mut (impl BufMut<A> + ?Sized)) -> Self {
        Vector { address: buffer.address_mut().as_raw(), length: buffer.length() }
    }

    /// To be lent to the kernel.
    pub(crate) fn as_bytes(vectors: &[Vector]) -> &[u8] {
        // SAFETY: two integers without padding.
        unsafe { slice::from_raw_parts(vectors.as_ptr().cast(), size_of_val(vectors)) }
    }
}

/// The list of several buffers that the kernel takes.
pub(crate) struct Vectors<'b> {
    /// Invariant (2): the first `count` of them, unless there are `many`.
    few: [Vector; FEW],
    many: Vec<Vector>,
    count: usize,
    buffers: PhantomData<&'b mut [u8]>,
}

/// Not more than these need no allocation.
const FEW: usize = 8;

impl<'b> Vectors<'b> {
    pub(crate) fn of<A>(buffers: &'b [impl Buf<A>]) -> Self {
        Vectors::collect(buffers.iter().map(|buffer| Vector::of(buffer)))
    }

    pub(crate) fn of_mut<A>(buffers: &'b mut [impl BufMut<A>]) -> Self {
        Vectors::collect(buffers.iter_mut().map(|buffer| Vector::of_mut(buffer)))
    }

    fn collect(vectors: impl ExactSizeIterator<Item = Vector>) -> Self {
        let count = vectors.len();
        let (mut few, mut many) = ([Vector { address: 0, length: 0 }; FEW], Vec::new());
        if count <= FEW {
            few.iter_mut().zip(vectors).for_each(|(place, vector)| *place = vector);
        } else {
            many.extend(vectors);
        }
        Vectors { few, many, count, buffers: PhantomData }
    }

    pub(crate) fn as_slice(&self) -> &[Vector] {
        if self.count <= FEW { &self.few[..self.count] } else { &self.many }
    }
}

const _: () = {
    assert!(size_of::<Vector>() == size_of::<libc::iovec>());
    assert!(offset_of!(Vector, address) == offset_of!(libc::iovec, iov_base));
    assert!(offset_of!(Vector, length) == offset_of!(libc::iovec, iov_len));
};

// SAFETY: (2); the buffer that is borrowed.
unsafe impl<A> Buf<A> for IoBuf<'_, A> {
    #[inline]
    fn address(&self) -> Address<A> {
        self.address
    }
    #[inline]
    fn length(&self) -> usize {
        self.length
    }
    #[inline]
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        self.space
    }
}

// SAFETY: (2); the buffer that is mutably borrowed.
unsafe impl<A> BufMut<A> for IoBufMut<'_, A> {
    #[inline]
    fn address_mut(&mut self) -> Address<A> {
        self.address
    }
    #[inline]
    fn length(&self) -> usize {
        self.length
    }
    #[inline]
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        self.space
    }
}

macro_rules! buffers_behind {
    ($($pointer:ty)+) => {$(
        // SAFETY: what is borrowed through `self` is borrowed too, and each is std's, and leads to the same one always.
        unsafe impl<A, B: Buf<A> + ?Sized> Buf<A> for $pointer {
            #[inline]
            fn address(&self) -> Address<A> {
                (**self).address()
            }
            #[inline]
            fn length(&self) -> usize {
                (**self).length()
            }
            #[inline]
            fn space(&self) -> Whose<'_, AddressSpace<A>> {
                (**self).space()
            }
        }
    )+};
}

buffers_behind! { &B &mut B Box<B> Rc<B> Arc<B> }

macro_rules! buffers_mut_behind {
    ($($pointer:ty)+) => {$(
        // SAFETY: what is mutably borrowed through `self` is mutably borrowed too.
        unsafe impl<A, B: BufMut<A> + ?Sized> BufMut<A> for $pointer {
            #[inline]
            fn address_mut(&mut self) -> Address<A> {
                (**self).address_mut()
            }
            #[inline]
            fn length(&self) -> usize {
                (**self).length()
            }
            #[inline]
            fn space(&self) -> Whose<'_, AddressSpace<A>> {
                (**self).space()
            }
        }
    )+};
}

buffers_mut_behind! { &mut B Box<B> }
