//! Pointers to memory of an address space, by which tasks that live there read and write it.
//!
//! # Safety
//!
//! 1. A [`Place`] is the only one of its bytes, which are mapped in the address space `A` while it exists: an
//!    [`Allocation`] has them from the heap of that address space, where nobody else has them; a
//!    [`Borrowed`] one borrows, mutably, the mapping or the pointer that owns them. Two never overlap.
//! 2. A [`Pointer`] is at a multiple of its type's alignment, and its place is as long as what it points
//!    to.
//! 3. What is in a place is touched by the kernel alone: in calls of tasks that live in `A`, and in the copies
//!    that their interfaces make. No reference points there, and nothing is loaded or stored.
//! 4. The bytes of plain data are initialised, and any bytes are plain data.
#![expect(unsafe_code, reason = "says what memory is where")]

use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::RangeBounds;
use std::ptr;
use std::sync::Arc;

use rustix::io::Errno;

use super::NotRebranded;
use super::heap::Heap;
use super::mapping::{Mapping, same_memory};
use super::sealed::Sealed;
use crate::brand::{Dynamic, Namespace, Of};
use crate::buf::{Buf, BufMut};
use crate::far::{self, AddressSpace, Whose};
use crate::interface::{Call, Error, RemoteIoVec, SyscallInterface};
use crate::near::{Address, MemoryMapping, PageSize, range_within};
use crate::plain::PlainData;
use crate::task::{FutexWord, in_own_memory};

/// A `T` in the address space `A`, or several of them: what is left of a pointer when the memory may be
/// another process's.
///
/// A task that lives in `A` makes one, and reads and writes through it:
/// [`malloc`](crate::task::MemoryTask::malloc), [`ptr`](crate::task::MemoryTask::ptr). It owns its place there and
/// frees it when dropped, like a `Box`; or it borrows it, from a [`Mapping`](crate::handle::Mapping::pointer)
/// or another pointer. No two pointers are to the same byte. One to bytes is a buffer for calls: of a task
/// whose memory is not this program's, the only kind there is.
///
/// What is in it is never looked at from here by a load, but copied by the kernel. So it does no harm if the
/// memory cannot be accessed, or another process changes it meanwhile: then there is an
/// error, or the bytes are what they are.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
/// let mut buffer = child.malloc_slice::<u8>(64)?;
/// buffer.slice(..5).unwrap().write_slice(&child, b"hello")?;
/// child.write(&writer, &buffer.slice(..5).unwrap())?;
/// let (mut buffer, rest) = buffer.split_at(32).unwrap();
/// drop(rest);
/// assert_eq!(child.read(&reader, &mut buffer)?, 5);
/// assert_eq!(&buffer.to_vec(&child)?[..5], b"hello");
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a pointer frees what it owns"]
pub struct Pointer<A, T: ?Sized, O: Place<A> = Allocation<A>> {
    /// Invariants (1), (2).
    place: O,
    _space: Of<A>,
    points_to: PhantomData<fn(&T)>,
}

/// Bytes that a [`Pointer`] has for itself: an [`Allocation`] or [`Borrowed`]. Sealed.
pub trait Place<A>: Sealed + Sized {
    #[doc(hidden)]
    fn start(&self) -> usize;

    #[doc(hidden)]
    fn length(&self) -> usize;

    #[doc(hidden)]
    fn space(&self) -> &AddressSpace<A>;

    /// Two places, the first with this many bytes, which are not more than there are.
    #[doc(hidden)]
    fn split(self, bytes: usize) -> (Self, Self);

    /// One place of this one and that which begins where this one ends; the two, if it does not.
    #[doc(hidden)]
    fn join(self, next: Self) -> Result<Self, (Self, Self)>;
}

/// The place of a pointer that owns it: it is freed when the pointer is dropped.
pub struct Allocation<A> {
    /// Invariant (1).
    start: usize,
    length: usize,
    heap: Arc<Heap>,
    space: AddressSpace<A>,
}

/// The place of a pointer that borrows it for `'m`.
pub struct Borrowed<'m, A> {
    /// Invariant (1).
    start: usize,
    length: usize,
    space: &'m AddressSpace<A>,
    owner: PhantomData<&'m mut Mapping<A>>,
}

impl<A> Allocation<A> {
    /// Allocates in an address space, in pages that `map` maps there if need be: it is told how many bytes.
    pub(crate) fn new(
        space: AddressSpace<A>,
        length: usize,
        align: usize,
        map: impl FnOnce(usize) -> Result<Mapping<A>, Error>,
    ) -> Result<Self, Error> {
        let heap = Heap::of(&space);
        let room = match length {
            // As Rust has it: aligned, and nothing there.
            0 => Some(align),
            _ => heap.allocate(length, align),
        };
        let start = match room {
            Some(start) => start,
            None => {
                let too_large = Error::os(Call::MMAP, Errno::NOMEM);
                let pages = map(Heap::to_map(length, align).ok_or(too_large)?)?.into_near();
                let (at, mapped) = (pages.address().as_raw(), pages.length());
                heap.allocate_in_new(at, mapped, length, align)
            }
        };
        Ok(Allocation { start, length, heap, space })
    }

    fn into_parts(self) -> (Arc<Heap>, AddressSpace<A>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again and its `Drop` does not run: each is moved out once.
        let heap = unsafe { ptr::read(&raw const this.heap) };
        // SAFETY: as above.
        let space = unsafe { ptr::read(&raw const this.space) };
        (heap, space)
    }
}

impl<A> Drop for Allocation<A> {
    fn drop(&mut self) {
        if self.length == 0 {
            return;
        }
        for (start, length) in self.heap.free(self.start, self.length) {
            let pages = MemoryMapping::new(Address::new(start), length, PageSize::BASE);
            let pages = pages.expect("the heap has it from a mapping");
            // SAFETY: mapped for the heap, which has nothing there any more; (3).
            drop(unsafe { Mapping::from_near(pages, &self.space) });
        }
    }
}

impl<A> Sealed for Allocation<A> {}

impl<A> Place<A> for Allocation<A> {
    fn start(&self) -> usize {
        self.start
    }

    fn length(&self) -> usize {
        self.length
    }

    fn space(&self) -> &AddressSpace<A> {
        &self.space
    }

    fn split(self, bytes: usize) -> (Self, Self) {
        let (start, length) = (self.start, self.length);
        let (heap, space) = self.into_parts();
        let first = Allocation {
            start,
            length: bytes,
            heap: Arc::clone(&heap),
            space: AddressSpace::clone(&space),
        };
        let second = Allocation { start: start + bytes, length: length - bytes, heap, space };
        (first, second)
    }

    fn join(self, next: Self) -> Result<Self, (Self, Self)> {
        if self.start + self.length != next.start || !Arc::ptr_eq(&self.heap, &next.heap) {
            return Err((self, next));
        }
        let (start, length) = (self.start, self.length + next.length);
        let _part_of_the_whole = next.into_parts();
        let (heap, space) = self.into_parts();
        Ok(Allocation { start, length, heap, space })
    }
}

impl<'m, A> Borrowed<'m, A> {
    /// Bytes of what is borrowed for its lifetime.
    pub(super) fn new(start: usize, length: usize, space: &'m AddressSpace<A>) -> Self {
        Borrowed { start, length, space, owner: PhantomData }
    }
}

impl<A> Sealed for Borrowed<'_, A> {}

impl<A> Place<A> for Borrowed<'_, A> {
    fn start(&self) -> usize {
        self.start
    }

    fn length(&self) -> usize {
        self.length
    }

    fn space(&self) -> &AddressSpace<A> {
        self.space
    }

    fn split(self, bytes: usize) -> (Self, Self) {
        let Borrowed { start, length, space, .. } = self;
        let second = Borrowed::new(start + bytes, length - bytes, space);
        (Borrowed::new(start, bytes, space), second)
    }

    fn join(self, next: Self) -> Result<Self, (Self, Self)> {
        if self.start + self.length != next.start || !self.space.is(next.space) {
            return Err((self, next));
        }
        Ok(Borrowed::new(self.start, self.length + next.length, self.space))
    }
}

impl<A, T: ?Sized, O: Place<A>> Pointer<A, T, O> {
    fn new(place: O) -> Self {
        Pointer { place, _space: Of::new(), points_to: PhantomData }
    }

    /// Where it points to. The number may leave, but is no pointer of this program, also where the memory
    /// is this program's: others may be writing there.
    #[must_use]
    pub fn address(&self) -> Address<A> {
        Address::new(self.place.start())
    }

    fn range(&self) -> RemoteIoVec {
        RemoteIoVec { address: self.place.start(), length: self.place.length() }
    }

    /// Copies to `bytes`, from the start on; returns how many have been.
    fn copy_from<K: far::Task + ?Sized>(&self, task: &K, bytes: &mut [u8]) -> Result<usize, Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        in_own_memory(task, Call::PROCESS_VM_READV, Whose::Of(self.place.space()))?;
        let into = &mut [IoSliceMut::new(bytes)];
        // SAFETY: (1): the place is ours, and of the task's memory.
        unsafe { task.interface().read_memory(&[self.range()], into) }
    }

    /// Copies `bytes`, from the start on; returns how many have been.
    fn copy_to<K: far::Task + ?Sized>(&mut self, task: &K, bytes: &[u8]) -> Result<usize, Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        in_own_memory(task, Call::PROCESS_VM_WRITEV, Whose::Of(self.place.space()))?;
        // SAFETY: (1), (3): the place is ours, of the task's memory, and nobody has a reference there.
        unsafe { task.interface().write_memory(&[IoSlice::new(bytes)], &[self.range()]) }
    }
}

/// The address space that a pointer `P` points into: `A`, for a [`Pointer<A, _>`](Pointer). A task that lives
/// there can read and write through it. Sealed.
#[diagnostic::on_unimplemented(
    message = "the memory is not in this task's address space",
    label = "`{P}` does not point to memory of `{Self}`",
    note = "an address means something only in the address space that it was allocated or mapped in",
    note = "use a task that lives there; to bring a value to another address space, `read` it here and `ptr` it there",
    note = "where one side is `Dynamic`: `erase()` the pointer for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait Holds<P: ?Sized>: Namespace {}

impl<A: Namespace, T: ?Sized, O: Place<A>> Holds<Pointer<A, T, O>> for A {}

impl<A, T: ?Sized> Pointer<A, T> {
    /// The same, checked at run time, and storable anywhere.
    pub fn erase(self) -> Pointer<Dynamic, T> {
        self.rebranded()
    }

    /// The same, as `task` has it in its types.
    ///
    /// # Errors
    ///
    /// That `task` has another memory; the pointer comes back with the error.
    pub fn rebrand<K: far::Task + ?Sized>(
        self,
        task: &K,
    ) -> Result<Pointer<K::AddressSpace, T>, NotRebranded<Self>> {
        match same_memory(task, &self.place.space) {
            Ok(()) => Ok(self.rebranded()),
            Err(error) => Err(NotRebranded { error, handle: self }),
        }
    }

    /// Of an address space that is known to be the same.
    fn rebranded<B>(self) -> Pointer<B, T> {
        let (start, length) = (self.place.start, self.place.length);
        let (heap, space) = self.place.into_parts();
        Pointer::new(Allocation { start, length, heap, space: space.rebranded() })
    }
}

/// What the kernel says where nothing at all can be copied, for less than all.
const fn cut_off(call: Call) -> Error {
    Error::os(call, Errno::FAULT)
}

/// Sees to it that as much has been copied as was wanted.
fn whole(call: Call, copied: usize, wanted: usize) -> Result<(), Error> {
    if copied == wanted { Ok(()) } else { Err(cut_off(call)) }
}

impl<A, T: PlainData, O: Place<A>> Pointer<A, T, O> {
    /// A `T` in this place; `None` if it is where none can be.
    pub(crate) fn at(place: O) -> Option<Self> {
        let fits = place.start() % align_of::<T>() == 0 && place.length() == size_of::<T>();
        fits.then(|| Pointer::new(place))
    }

    /// `process_vm_readv(task, address)`—what it points to.
    ///
    /// Checked: the task lives in the pointer's address space. Of memory that has just been allocated, it
    /// may be anything.
    ///
    /// # Errors
    ///
    /// Of `process_vm_readv`: `EFAULT` if part of it cannot be read, `EPERM` if this program may not look
    /// into the task; that the task is dead.
    ///
    /// # References
    ///
    /// [`process_vm_readv(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    pub fn read<K: far::Task + ?Sized>(&self, task: &K) -> Result<T, Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        let mut value = T::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut value);
        whole(Call::PROCESS_VM_READV, self.copy_from(task, bytes)?, size_of::<T>())?;
        Ok(value)
    }

    /// `process_vm_writev(task, address, value)`—writes a value there.
    ///
    /// Checked: the task lives in the pointer's address space.
    ///
    /// # Errors
    ///
    /// Of `process_vm_writev`: `EFAULT` if part of it cannot be written, when another part may have been;
    /// `EPERM` if this program may not look into the task; that the task is dead.
    ///
    /// # References
    ///
    /// [`process_vm_writev(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    pub fn write<K: far::Task + ?Sized>(&mut self, task: &K, value: &T) -> Result<(), Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        let copied = self.copy_to(task, bytemuck::bytes_of(value))?;
        whole(Call::PROCESS_VM_WRITEV, copied, size_of::<T>())
    }

    /// The same place, as bytes: a buffer for calls.
    pub fn into_bytes(self) -> Pointer<A, [u8], O> {
        Pointer::new(self.place)
    }
}

impl<A, T: PlainData, O: Place<A>> Pointer<A, [T], O> {
    /// As many `T` as there is room for in this place; `None` if it is where none can be, or not as long
    /// as some number of them.
    pub(crate) fn at_slice(place: O) -> Option<Self> {
        const { assert!(size_of::<T>() > 0, "something without bytes is nowhere") };
        let fits = place.start() % align_of::<T>() == 0 && place.length() % size_of::<T>() == 0;
        fits.then(|| Pointer::new(place))
    }

    /// How many `T` there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.place.length() / size_of::<T>()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `process_vm_readv(task, address)`—copies the first ones that it points to, as many as `into` has.
    ///
    /// Checked: the task lives in the pointer's address space.
    ///
    /// # Errors
    ///
    /// Of `process_vm_readv`: `EFAULT` if there are not as many, and nothing is read; or if part of them cannot be
    /// read: then what is in `into` is in part what was there before, in part what was read. `EPERM` if this program
    /// may not look into the task; that the task is dead.
    ///
    /// # References
    ///
    /// [`process_vm_readv(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    pub fn read_slice<K: far::Task + ?Sized>(&self, task: &K, into: &mut [T]) -> Result<(), Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        if into.len() > self.len() {
            return Err(cut_off(Call::PROCESS_VM_READV));
        }
        whole(Call::PROCESS_VM_READV, self.read_available(task, into)?, into.len())
    }

    /// [`read_slice`](Self::read_slice), up to the end of the shorter side, or up to the first one that cannot be read,
    /// or only in part. Returns how many have been copied.
    ///
    /// # Errors
    ///
    /// As `read_slice`, but `EFAULT` only if already the first byte cannot be read.
    #[doc(alias = "partial")]
    pub fn read_available<K: far::Task + ?Sized>(
        &self,
        task: &K,
        into: &mut [T],
    ) -> Result<usize, Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        Ok(self.copy_from(task, bytemuck::cast_slice_mut(into))? / size_of::<T>())
    }

    /// `process_vm_writev(task, address, values)`—copies values there, to the first one on.
    ///
    /// Checked: the task lives in the pointer's address space.
    ///
    /// # Errors
    ///
    /// Of `process_vm_writev`: `EFAULT` if there is no room for as many, and nothing is written; or if part of them
    /// cannot be written, when others may have been. Others as of [`read_slice`](Self::read_slice).
    ///
    /// # References
    ///
    /// [`process_vm_writev(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    pub fn write_slice<K: far::Task + ?Sized>(
        &mut self,
        task: &K,
        values: &[T],
    ) -> Result<(), Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        if values.len() > self.len() {
            return Err(cut_off(Call::PROCESS_VM_WRITEV));
        }
        whole(Call::PROCESS_VM_WRITEV, self.write_available(task, values)?, values.len())
    }

    /// [`write_slice`](Self::write_slice), up to the end of the shorter side, or up to the first one that cannot be
    /// written, or only in part. Returns how many have been copied.
    ///
    /// # Errors
    ///
    /// As `write_slice`, but `EFAULT` only if already the first byte cannot be written.
    #[doc(alias = "partial")]
    pub fn write_available<K: far::Task + ?Sized>(
        &mut self,
        task: &K,
        values: &[T],
    ) -> Result<usize, Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        Ok(self.copy_to(task, bytemuck::cast_slice(values))? / size_of::<T>())
    }

    /// `process_vm_readv(task, address)`—all that it points to.
    ///
    /// Checked: the task lives in the pointer's address space.
    ///
    /// # Errors
    ///
    /// Of `process_vm_readv`: `EFAULT` if part of it cannot be read, and as
    /// [`read_slice`](Self::read_slice).
    ///
    /// # References
    ///
    /// [`process_vm_readv(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    pub fn to_vec<K: far::Task + ?Sized>(&self, task: &K) -> Result<Vec<T>, Error>
    where
        K::AddressSpace: Holds<Self>,
    {
        let mut values = vec![T::zeroed(); self.len()];
        self.read_slice(task, &mut values)?;
        Ok(values)
    }

    /// Two pointers, the first to this many; each frees its own.
    ///
    /// # Errors
    ///
    /// The pointer, if there are not as many.
    pub fn split_at(self, middle: usize) -> Result<(Self, Self), Self> {
        if middle > self.len() {
            return Err(self);
        }
        let (first, second) = self.place.split(middle * size_of::<T>());
        Ok((Pointer::new(first), Pointer::new(second)))
    }

    /// One pointer to what this one points to and what that one does which begins where this one ends.
    ///
    /// # Errors
    ///
    /// The two, if it begins elsewhere.
    pub fn merge(self, next: Self) -> Result<Self, (Self, Self)> {
        let joined = self.place.join(next.place);
        joined.map(Pointer::new).map_err(|(this, next)| (Pointer::new(this), Pointer::new(next)))
    }

    /// Some of them, while the others are left alone; `None` if there are not as many.
    pub fn slice(
        &mut self,
        range: impl RangeBounds<usize>,
    ) -> Option<Pointer<A, [T], Borrowed<'_, A>>> {
        let range = range_within(self.len(), range)?;
        let place = Borrowed::new(
            self.place.start() + range.start * size_of::<T>(),
            range.len() * size_of::<T>(),
            self.place.space(),
        );
        Some(Pointer::new(place))
    }

    /// One of them; `None` if there are not as many.
    pub fn get(&mut self, index: usize) -> Option<Pointer<A, T, Borrowed<'_, A>>> {
        Some(Pointer::new(self.slice(index..index.checked_add(1)?)?.place))
    }

    /// The same place, as bytes: a buffer for calls.
    pub fn into_bytes(self) -> Pointer<A, [u8], O> {
        Pointer::new(self.place)
    }
}

macro_rules! buffers {
    ($($what:ty)+) => {$(
        // SAFETY: (1), (4): mapped in `A` while it exists. What is there is initialised, as the kernel
        // has mapped it.
        unsafe impl<A, T: PlainData, O: Place<A>> Buf<A> for Pointer<A, $what, O> {
            fn address(&self) -> Address<A> {
                Pointer::address(self)
            }
            fn length(&self) -> usize {
                self.place.length()
            }
            fn space(&self) -> Whose<'_, AddressSpace<A>> {
                Whose::Of(self.place.space())
            }
        }

        // SAFETY: (1), (3), (4): its own place, and any bytes are plain data.
        unsafe impl<A, T: PlainData, O: Place<A>> BufMut<A> for Pointer<A, $what, O> {
            fn address_mut(&mut self) -> Address<A> {
                Pointer::address(self)
            }
            fn length(&self) -> usize {
                self.place.length()
            }
            fn space(&self) -> Whose<'_, AddressSpace<A>> {
                Whose::Of(self.place.space())
            }
        }
    )+};
}

buffers! { T [T] }

// SAFETY: (1), (2), (3): four bytes of its own at a multiple of four, which nobody touches but the kernel.
unsafe impl<A, O: Place<A>> FutexWord<A> for Pointer<A, u32, O> {
    fn address(&self) -> Address<A> {
        Pointer::address(self)
    }
    fn space(&self) -> Whose<'_, AddressSpace<A>> {
        Whose::Of(self.place.space())
    }
}

impl<A: Namespace, T: ?Sized, O: Place<A>> fmt::Debug for Pointer<A, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, length) = (self.place.start(), self.place.length());
        write!(f, "Pointer({}:{start:#x}, {length} bytes)", A::NAME)
    }
}

impl<A: Namespace> fmt::Debug for Allocation<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allocation({}:{:#x}, {} bytes)", A::NAME, self.start, self.length)
    }
}

impl<A: Namespace> fmt::Debug for Borrowed<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Borrowed({}:{:#x}, {} bytes)", A::NAME, self.start, self.length)
    }
}
