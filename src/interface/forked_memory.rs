//! Address spaces that are not this process's.
//!
//! # Safety
//!
//! 1. What is lent is in blocks of arenas that the memory has. Whoever lends it drops the [`Lent`] when
//!    the tasks there are done with it.
#![expect(unsafe_code, reason = "copies into memory shared with other processes")]

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::{ptr, slice};

use super::deferred::DeferredCalls;
use super::shared_memory::{Arenas, Blocks};
use super::{Call, Error};

/// The memory of a child that was forked, and of those that it has spawned since.
pub(crate) struct ForkedMemory {
    known: Arenas,
    unmaps: Arc<DeferredCalls>,
}

/// Bytes in such a memory, for as long as this exists.
pub(crate) struct Lent {
    blocks: Blocks,
    used: usize,
}

/// Where nothing is ever mapped, so that the kernel says `EFAULT`.
pub(super) const NOWHERE: usize = usize::MAX - 4095;

impl ForkedMemory {
    /// That of a child which is about to be forked from a memory that has these arenas.
    pub(super) fn of_child(parent: Arenas) -> Result<Arc<Self>, Error> {
        let unmaps = DeferredCalls::new();
        unmaps.prepare(parent)?;
        Ok(Arc::new(ForkedMemory { known: parent.min(Arenas::so_far()), unmaps }))
    }

    /// The arenas that it has.
    pub(crate) const fn arenas(&self) -> Arenas {
        self.known
    }

    /// What is to be done in it by any of its tasks.
    pub(crate) const fn unmaps(&self) -> &Arc<DeferredCalls> {
        &self.unmaps
    }

    /// Has pages unmapped there by any of its tasks.
    pub(crate) fn unmap(&self, address: usize, length: usize) {
        self.unmaps.post(Call::MUNMAP, [address, length]);
    }

    /// Room for so many bytes there.
    pub(crate) fn room(&self, length: usize) -> Result<Lent, Error> {
        Ok(Lent { blocks: Blocks::for_bytes(length, self.known)?, used: 0 })
    }
}

impl Lent {
    /// Adds a copy of `bytes`, aligned for any integer; returns its address. `None` if there is no room.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        // SAFETY: a `MaybeUninit` may be anything.
        self.push_uninit(unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) })
    }

    /// As [`push`](Self::push), of bytes that need not be initialised.
    pub(super) fn push_uninit(&mut self, bytes: &[MaybeUninit<u8>]) -> Option<usize> {
        if bytes.len() > self.blocks.size() - self.used {
            return None;
        }
        // SAFETY: within the blocks.
        let to = unsafe { self.blocks.start().add(self.used) };
        // SAFETY: (1); from there on, nothing of the blocks has been lent.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to.cast().as_ptr(), bytes.len()) };
        self.used = (self.used + bytes.len()).next_multiple_of(align_of::<u64>());
        Some(to.addr().get())
    }

    /// What has become of the first bytes of it.
    pub(super) fn copy_back(&self, bytes: &mut [MaybeUninit<u8>]) {
        assert!(bytes.len() <= self.blocks.size());
        let from = self.blocks.start().cast().as_ptr();
        // SAFETY: (1); within the blocks, which nobody writes to any more.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
    }
}
