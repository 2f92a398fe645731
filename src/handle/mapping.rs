//! Mapped pages.
//!
//! # Safety
//!
//! 1. A [`Mapping<A>`] is the only owner of its pages: the kernel has mapped them where it chose to, in the
//!    address space that `A` brands and `space` identifies, and they stay mapped until the handle is
//!    dropped or given up.
//! 2. What is in them is touched by the kernel alone, in calls: no reference points there, and nothing is
//!    loaded or stored through an address of theirs.
//! 3. [`AsMapping<A>`] and [`IntoMapping<A>`] are implemented here only, each for pages of that very `A`.
#![expect(unsafe_code, reason = "unmaps what it owns")]

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::RangeBounds;
use std::ptr;

use super::NotRebranded;
use super::pointer::{Borrowed, Pointer};
use super::sealed::Sealed;
use crate::brand::{Dynamic, Namespace};
use crate::far::{self, AddressSpace, AddressSpaceMismatchError, NamespaceMismatchError};
use crate::interface::{Call, Local, SyscallInterface};
use crate::near::{Address, MemoryMapping, PageSize};
use crate::plain::PlainData;

/// Mapped pages of the address space `A`; unmaps them when dropped.
///
/// A task of that address space makes one:
/// [`MemoryTask::mmap_anonymous`](crate::task::MemoryTask::mmap_anonymous). What is in it is read and written
/// through a [`Pointer`], by a task that lives there. There is no `&[u8]` of it, also if it is this
/// program's memory: a load from a file that somebody has made shorter, or from pages without
/// access, is a signal that ends the program. Through a pointer, it is an error.
///
/// Dropping never waits for another process.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// let mut mapping = child.mmap_anonymous(8192, ProtFlags::READ | ProtFlags::WRITE)?;
/// let mut number = mapping.pointer::<u32>(4096).unwrap();
/// number.write(&child, &7)?;
/// assert_eq!(number.read(&child)?, 7);
/// // Not beyond its end, and not where no `u32` can be.
/// assert!(mapping.pointer::<u32>(8190).is_none());
/// assert!(mapping.pointer::<u32>(4097).is_none());
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the handle unmaps the pages"]
pub struct Mapping<A> {
    /// Invariant (1).
    near: MemoryMapping<A>,
    space: AddressSpace<A>,
    shared: Option<Shared>,
}

/// What a mapping that is shared through a file maps.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) file: far::File,
    pub(crate) offset: u64,
}

impl<A> Mapping<A> {
    /// Takes ownership of pages.
    ///
    /// # Safety
    ///
    /// They are mapped in the address space that `A` brands and `space` identifies, with pages of that
    /// size; nothing else owns them, and no reference points there (invariants 1 and 2).
    pub unsafe fn from_near(near: MemoryMapping<A>, space: &AddressSpace<A>) -> Self {
        Mapping { near, space: AddressSpace::clone(space), shared: None }
    }

    /// The same, with what it maps.
    pub(crate) fn sharing(mut self, shared: Option<Shared>) -> Self {
        self.shared = shared;
        self
    }

    /// Gives up ownership: the pages stay mapped.
    #[must_use = "the pages stay mapped, and only their address is left"]
    pub fn into_near(self) -> MemoryMapping<A> {
        self.into_parts().0
    }

    pub(crate) fn into_parts(self) -> (MemoryMapping<A>, AddressSpace<A>, Option<Shared>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again and its `Drop` does not run: each is moved out once.
        let space = unsafe { ptr::read(&raw const this.space) };
        // SAFETY: as above.
        let shared = unsafe { ptr::read(&raw const this.shared) };
        (this.near, space, shared)
    }

    fn from_parts(near: MemoryMapping<A>, space: AddressSpace<A>, shared: Option<Shared>) -> Self {
        Mapping { near, space, shared }
    }

    /// Where it is, without ownership.
    #[must_use]
    pub const fn near(&self) -> MemoryMapping<A> {
        self.near
    }

    /// Where it starts.
    #[must_use]
    pub const fn address(&self) -> Address<A> {
        self.near.address()
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.near.length()
    }

    /// The size of its pages.
    #[must_use]
    pub const fn page_size(&self) -> PageSize {
        self.near.page_size()
    }

    /// The open file that it shares with whoever else maps it; `None` if it shares none, or was not made
    /// [to know](crate::task::Sharing::SharedAndHeld).
    #[must_use]
    pub fn file(&self) -> Option<&far::File> {
        self.shared.as_ref().map(|shared| &shared.file)
    }

    /// Some of its pages, by a range of bytes counted from its start: for calls that need not be about all
    /// of them. `None` if the range ends beyond its end, is empty, or does not start and end between two
    /// pages.
    pub fn slice(&mut self, bytes: impl RangeBounds<usize>) -> Option<Pages<'_, A>> {
        Some(Pages { near: self.near.slice(bytes)?, space: &self.space, mapping: PhantomData })
    }

    /// The same, checked at run time, and storable anywhere.
    pub fn erase(self) -> Mapping<Dynamic> {
        self.rebranded()
    }

    /// The same, as `task` has it in its types.
    ///
    /// # Errors
    ///
    /// That `task` has another memory; the mapping comes back with the error.
    #[expect(clippy::result_large_err, reason = "the mapping comes back, and both sides are named")]
    pub fn rebrand<K: far::Task + ?Sized>(
        self,
        task: &K,
    ) -> Result<Mapping<K::AddressSpace>, NotRebranded<Self>> {
        match same_memory(task, &self.space) {
            Ok(()) => Ok(self.rebranded()),
            Err(error) => Err(NotRebranded { error, handle: self }),
        }
    }

    /// Of an address space that is known to be the same.
    fn rebranded<B>(self) -> Mapping<B> {
        let (near, space, shared) = self.into_parts();
        Mapping { near: near.rebranded(), space: space.rebranded(), shared }
    }

    /// Two mappings of this one, the first with this many bytes.
    ///
    /// # Errors
    ///
    /// The mapping, if that is not between two of its pages.
    pub fn split_at(self, bytes: usize) -> Result<(Self, Self), Self> {
        let (Some(first), Some(second)) = (self.near.slice(..bytes), self.near.slice(bytes..))
        else {
            return Err(self);
        };
        let (_, space, shared) = self.into_parts();
        let further = shared
            .clone()
            .map(|shared| Shared { offset: shared.offset + bytes as u64, file: shared.file });
        let first = Mapping::from_parts(first, AddressSpace::clone(&space), shared);
        Ok((first, Mapping::from_parts(second, space, further)))
    }

    /// One mapping of this one and that which begins where this one ends.
    ///
    /// # Errors
    ///
    /// The two, if it begins elsewhere, which includes another address space, has pages of another size, or maps
    /// another file or another part of it.
    pub fn merge(self, next: Self) -> Result<Self, (Self, Self)> {
        match self.near_with(&next) {
            Some(whole) => {
                let (_, space, shared) = self.into_parts();
                let _part_of_the_whole = next.into_parts();
                Ok(Mapping::from_parts(whole, space, shared))
            }
            None => Err((self, next)),
        }
    }

    /// Where the two are, if they are like one.
    fn near_with(&self, next: &Self) -> Option<MemoryMapping<A>> {
        let (here, there) = (self.near, next.near);
        let is_next = here.end() == there.address() && here.page_size() == there.page_size();
        // Two of which that is known at run time may be of different memories.
        if !is_next || !self.space.is(&next.space) {
            return None;
        }
        let is_one = match (&self.shared, &next.shared) {
            (None, None) => true,
            (Some(one), Some(other)) => {
                let follows = one.offset.checked_add(here.length() as u64) == Some(other.offset);
                follows && one.file.is_same_as(&other.file) == Ok(true)
            }
            _ => false,
        };
        let length = here.length() + there.length();
        MemoryMapping::new(here.address(), length, here.page_size()).filter(|_| is_one)
    }

    /// A `T` in it, at this many bytes from its start; `None` if that is beyond its end, or where no `T`
    /// can be.
    pub fn pointer<T: PlainData>(
        &mut self,
        offset: usize,
    ) -> Option<Pointer<A, T, Borrowed<'_, A>>> {
        let (start, length) = self.part(offset, size_of::<T>())?;
        Pointer::at(Borrowed::new(start, length, &self.space))
    }

    /// This many `T` in it, beginning at this many bytes from its start; `None` as for
    /// [`pointer`](Self::pointer).
    pub fn slice_pointer<T: PlainData>(
        &mut self,
        offset: usize,
        count: usize,
    ) -> Option<Pointer<A, [T], Borrowed<'_, A>>> {
        let (start, length) = self.part(offset, count.checked_mul(size_of::<T>())?)?;
        Pointer::at_slice(Borrowed::new(start, length, &self.space))
    }

    /// All of its bytes.
    pub fn bytes(&mut self) -> Pointer<A, [u8], Borrowed<'_, A>> {
        self.slice_pointer(0, self.length()).expect("it is as long as it is")
    }

    fn part(&self, offset: usize, length: usize) -> Option<(usize, usize)> {
        let is_inside = offset.checked_add(length)? <= self.length();
        is_inside.then_some((self.address().as_raw() + offset, length))
    }
}

/// Whether memory of `space` is the task's.
pub(super) fn same_memory<K: far::Task + ?Sized, A>(
    task: &K,
    space: &AddressSpace<A>,
) -> Result<(), NamespaceMismatchError> {
    let own = task.address_space();
    if own.is(space) {
        Ok(())
    } else {
        Err(AddressSpaceMismatchError::between(own, Some(space)).into())
    }
}

impl<A> Drop for Mapping<A> {
    fn drop(&mut self) {
        // SAFETY: invariant (1): the pages are ours, and this is the last we do with them.
        unsafe { unmap(&self.space, self.near) };
    }
}

/// Unmaps pages without waiting for anybody: the one place that knows how, for each address space.
///
/// # Safety
///
/// The pages are those of a [`Mapping`] that is not used any more.
unsafe fn unmap<A>(space: &AddressSpace<A>, pages: MemoryMapping<A>) {
    let arguments = [pages.address().as_raw(), pages.length()];
    if !space.unmap(arguments) {
        // SAFETY: by this function's contract, in this program's memory. If the kernel refuses it, as it
        // may where a part would make too many mappings of one, they stay.
        let _refused = unsafe { Local::new().syscall(Call::MUNMAP, arguments) };
    }
}

impl<A: Namespace> fmt::Debug for Mapping<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Mapping");
        tuple.field(&self.near);
        if let Some(Shared { file, offset }) = &self.shared {
            tuple.field(file).field(offset);
        }
        tuple.finish()
    }
}

/// Some pages of a [`Mapping`], which is borrowed: what [`Mapping::slice`] returns.
pub struct Pages<'m, A> {
    near: MemoryMapping<A>,
    space: &'m AddressSpace<A>,
    mapping: PhantomData<&'m mut Mapping<A>>,
}

impl<A> Pages<'_, A> {
    /// Where they are.
    #[must_use]
    pub const fn near(&self) -> MemoryMapping<A> {
        self.near
    }
}

impl<A: Namespace> fmt::Debug for Pages<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pages").field(&self.near).finish()
    }
}

/// Mapped pages of the address space `A`, which a call can be about: a [`Mapping<A>`], or some
/// [`Pages`] of one. Sealed.
#[diagnostic::on_unimplemented(
    message = "the mapping is not in this task's address space",
    label = "`{Self}` is not mapped in `{A}`",
    note = "an address means something only in the address space that it was mapped in",
    note = "use a task that lives there; to have the same memory in another address space, map the same file in both",
    note = "where one side is `Dynamic`: `erase()` the mapping for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait AsMapping<A>: Sealed {
    /// Where they are.
    fn near_mapping(&self) -> MemoryMapping<A>;

    /// In which address space.
    #[doc(hidden)]
    fn space(&self) -> &AddressSpace<A>;
}

/// What can be given up as a mapping of the address space `A`: a [`Mapping<A>`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "the mapping is not in this task's address space",
    label = "`{Self}` is not a mapping of `{A}`",
    note = "pages are unmapped and moved only in the address space that they are mapped in",
    note = "use a task that lives there, or drop the handle: that unmaps them in their own",
    note = "where one side is `Dynamic`: `erase()` the mapping for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait IntoMapping<A>: Sealed {
    /// The handle.
    fn into_mapping(self) -> Mapping<A>;
}

impl<A> Sealed for Mapping<A> {}
impl<A> Sealed for Pages<'_, A> {}

impl<A> AsMapping<A> for Mapping<A> {
    fn near_mapping(&self) -> MemoryMapping<A> {
        self.near
    }
    fn space(&self) -> &AddressSpace<A> {
        &self.space
    }
}

impl<A> AsMapping<A> for Pages<'_, A> {
    fn near_mapping(&self) -> MemoryMapping<A> {
        self.near
    }
    fn space(&self) -> &AddressSpace<A> {
        self.space
    }
}

impl<A, T: AsMapping<A> + ?Sized> AsMapping<A> for &mut T {
    fn near_mapping(&self) -> MemoryMapping<A> {
        (**self).near_mapping()
    }
    fn space(&self) -> &AddressSpace<A> {
        (**self).space()
    }
}

impl<A> IntoMapping<A> for Mapping<A> {
    fn into_mapping(self) -> Mapping<A> {
        self
    }
}
