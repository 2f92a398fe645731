//! Memory that this process has in common with every child, also with those that have a copy of all
//! other memory.
//!
//! A child that is forked finds what was mapped and shared when it was made, and nothing that is mapped
//! later. So the memory comes in arenas, each mapped as a whole; whoever needs a part that a child of its
//! own memory has, too, says which arenas there were when the child was made.
//!
//! # Safety
//!
//! 1. An arena is never unmapped. What is in a block stays mapped, at the same address, here and in
//!    every child that was made after its arena.
//! 2. A block has one owner, until that is dropped.
//! 3. In a forked copy of this process the arenas are still the original's. Owners that were copied
//!    neither give their blocks back there, nor let anybody see what is in them.
#![expect(unsafe_code, reason = "memory shared with other processes")]

use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

use super::{Call, Error, Generation};

/// The size of a block, which is also its alignment.
pub(super) const BLOCK: usize = 4096;

/// How many blocks an arena has.
const BLOCKS: usize = 4096;

/// A range of blocks, and the right to use them.
pub(super) struct Blocks {
    start: NonNull<u8>,
    count: usize,
    arena: usize,
    made_by: Generation,
}

// SAFETY: it is the only owner (2), and nothing in it depends on the thread.
unsafe impl Send for Blocks {}
// SAFETY: as above; a shared one only tells where the blocks are.
unsafe impl Sync for Blocks {}

/// Which arenas somebody's memory has: the first so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arenas(usize);

struct Arena {
    start: NonNull<u8>,
    /// A bit for each block that is free.
    free: [u64; BLOCKS / 64],
}

// SAFETY: only the address of a mapping that every thread has.
unsafe impl Send for Arena {}

struct State {
    /// Whose arenas they are.
    of: Option<Generation>,
    arenas: Vec<Arena>,
}

static STATE: Mutex<State> = Mutex::new(State { of: None, arenas: Vec::new() });

impl State {
    fn lock() -> MutexGuard<'static, State> {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        let current = Generation::current();
        if state.of != Some(current) {
            // (3)
            state.arenas.clear();
            state.of = Some(current);
        }
        state
    }
}

impl Arenas {
    /// Those of this process's own memory: all there are, and all to come.
    pub(crate) const OURS: Self = Arenas(usize::MAX);

    /// Those of a child that is forked now.
    pub(crate) fn so_far() -> Self {
        Arenas(State::lock().arenas.len())
    }
}

impl Blocks {
    /// So many blocks next to each other, in memory that has these arenas. What is in them is arbitrary.
    pub(super) fn new(count: usize, known: Arenas) -> Result<Self, Error> {
        let mut state = State::lock();
        let made_by = state.of.expect("a locked state has an owner");
        let found = |arenas: &mut [Arena]| {
            arenas.iter_mut().take(known.0).enumerate().find_map(|(arena, blocks)| {
                let start = blocks.take(count)?;
                Some(Blocks { start, count, arena, made_by })
            })
        };
        if let Some(blocks) = found(&mut state.arenas) {
            return Ok(blocks);
        }
        if known == Arenas::OURS {
            state.arenas.push(Arena::map()?);
        }
        found(&mut state.arenas).ok_or(Error::os(Call::MMAP, rustix::io::Errno::NOMEM))
    }

    /// Blocks for so many bytes.
    pub(super) fn for_bytes(length: usize, known: Arenas) -> Result<Self, Error> {
        Blocks::new(length.div_ceil(BLOCK).max(1), known)
    }

    /// Whether they are this process's, and not those of the one it was forked from.
    pub(super) fn are_ours(&self) -> bool {
        self.made_by.is_current()
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn size(&self) -> usize {
        self.count * BLOCK
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if self.are_ours() {
            let mut state = State::lock();
            let arena = &mut state.arenas[self.arena];
            let first = (self.start.addr().get() - arena.start.addr().get()) / BLOCK;
            arena.mark(first, self.count, true);
        }
    }
}

impl Arena {
    fn map() -> Result<Self, Error> {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a fresh mapping.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), BLOCKS * BLOCK, access, flags) }
            .map_err(|errno| Error::os(Call::MMAP, errno))?;
        let start = NonNull::new(start.cast()).expect("a mapping is never at 0");
        Ok(Arena { start, free: [u64::MAX; BLOCKS / 64] })
    }

    /// Takes the first so many free blocks that are next to each other.
    fn take(&mut self, count: usize) -> Option<NonNull<u8>> {
        let mut first = 0;
        while first + count <= BLOCKS {
            match (first..first + count).rev().find(|block| !self.is_free(*block)) {
                Some(taken) => first = self.next_free(taken + 1)?,
                None => {
                    self.mark(first, count, false);
                    // SAFETY: within the mapping.
                    return Some(unsafe { self.start.add(first * BLOCK) });
                }
            }
        }
        None
    }

    /// The first free block from this one on.
    fn next_free(&self, from: usize) -> Option<usize> {
        let words = self.free.iter().enumerate().skip(from / 64);
        words
            .map(|(word, bits)| {
                let below = if word == from / 64 { (1 << (from % 64)) - 1 } else { 0 };
                (word, bits & !below)
            })
            .find(|(_, bits)| *bits != 0)
            .map(|(word, bits)| word * 64 + bits.trailing_zeros() as usize)
    }

    fn is_free(&self, block: usize) -> bool {
        self.free[block / 64] & 1 << (block % 64) != 0
    }

    fn mark(&mut self, first: usize, count: usize, free: bool) {
        for block in first..first + count {
            debug_assert_ne!(self.is_free(block), free);
            self.free[block / 64] ^= 1 << (block % 64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_from_the_start_and_never_twice() {
        let mut arena = Arena { start: NonNull::dangling(), free: [u64::MAX; BLOCKS / 64] };
        assert_eq!(arena.next_free(0), Some(0));
        arena.mark(0, 70, false);
        assert_eq!(arena.next_free(3), Some(70));
        arena.mark(2, 3, true);
        assert_eq!(arena.next_free(0), Some(2));
        assert_eq!(arena.next_free(5), Some(70));
        arena.mark(70, BLOCKS - 70, false);
        assert_eq!(arena.next_free(5), None);
        assert!(arena.take(4).is_none());
        assert!(arena.take(3).is_some());
        assert!(arena.take(1).is_none());
        assert!(arena.take(BLOCKS + 1).is_none());
    }

    #[test]
    fn memory_that_has_no_arenas_has_no_blocks() {
        assert!(Blocks::new(1, Arenas(0)).is_err());
        let one = Blocks::new(1, Arenas::OURS).unwrap();
        let other = Blocks::for_bytes(BLOCK + 1, Arenas::so_far()).unwrap();
        assert_eq!((one.size(), other.size()), (BLOCK, 2 * BLOCK));
        assert_ne!(one.start(), other.start());
    }
}
