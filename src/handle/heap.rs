//! Which bytes of an address space are allocated.
//!
//! Only numbers: the memory itself is another address space's, or used as if it were, and is never touched
//! from here. Bytes that are free are in exactly one range of one chunk, those that are allocated in none.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::far::AddressSpace;
use crate::near::PageSize;

/// The allocations of one address space.
#[derive(Debug)]
pub(crate) struct Heap {
    chunks: Mutex<Vec<Chunk>>,
    /// How many chunks are kept in which nothing is allocated.
    spare: usize,
}

/// Mapped pages, and what of them is free: ranges by their starts, with their ends. No two of them
/// touch.
#[derive(Debug)]
struct Chunk {
    start: usize,
    end: usize,
    free: BTreeMap<usize, usize>,
}

/// How much is mapped at once, unless more is asked for.
const CHUNK: usize = 64 << 10;

impl Heap {
    const fn new(spare: usize) -> Self {
        Heap { chunks: Mutex::new(Vec::new()), spare }
    }

    /// That of an address space where nothing is allocated.
    pub(crate) fn empty() -> Arc<Self> {
        Arc::new(Heap::new(0))
    }

    /// That of an address space.
    pub(crate) fn of<A>(space: &AddressSpace<A>) -> Arc<Self> {
        static HOST: LazyLock<Arc<Heap>> = LazyLock::new(|| Arc::new(Heap::new(1)));
        Arc::clone(space.heap().unwrap_or(&HOST))
    }

    /// Where there are `size` bytes, from now on allocated, at a multiple of `align`; `None` if more has
    /// to be mapped. What is larger than a chunk has pages for itself, so that they go when it goes.
    pub(crate) fn allocate(&self, size: usize, align: usize) -> Option<usize> {
        let mut chunks = self.chunks();
        let mut shared = chunks.iter_mut().filter(|chunk| chunk.end - chunk.start == CHUNK);
        shared.find_map(|chunk| chunk.take(size, align))
    }

    /// How many bytes to map for an allocation that has no room; `None` if it is too large.
    pub(crate) fn to_map(size: usize, align: usize) -> Option<usize> {
        let page = PageSize::BASE.bytes();
        // Pages begin at multiples of their size only.
        let slack = align.saturating_sub(page);
        Some(size.checked_add(slack)?.checked_next_multiple_of(page)?.max(CHUNK))
    }

    /// Adds mapped pages, and allocates in them.
    pub(crate) fn allocate_in_new(
        &self,
        start: usize,
        length: usize,
        size: usize,
        align: usize,
    ) -> usize {
        let end = start + length;
        let mut chunk = Chunk { start, end, free: BTreeMap::from([(start, end)]) };
        let address = chunk.take(size, align).expect("`to_map` has made it large enough");
        self.chunks().push(chunk);
        address
    }

    /// Frees bytes that were allocated, at once or in parts. Returns what is to be unmapped: the start and
    /// length of pages.
    pub(crate) fn free(&self, start: usize, length: usize) -> Vec<(usize, usize)> {
        let end = start + length;
        let mut chunks = self.chunks();
        // What was merged may be of two chunks that happen to be neighbours.
        for chunk in chunks.iter_mut() {
            let part = (start.max(chunk.start), end.min(chunk.end));
            if part.0 < part.1 {
                chunk.give(part.0, part.1);
            }
        }
        let mut spare = self.spare;
        let mut to_unmap = Vec::new();
        chunks.retain(|chunk| {
            let length = chunk.end - chunk.start;
            if !chunk.is_free() {
                return true;
            }
            if spare > 0 && length == CHUNK {
                spare -= 1;
                return true;
            }
            to_unmap.push((chunk.start, length));
            false
        });
        to_unmap
    }

    fn chunks(&self) -> MutexGuard<'_, Vec<Chunk>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunk {
    /// The first free place that fits.
    fn take(&mut self, size: usize, align: usize) -> Option<usize> {
        let (start, end, address) = self.free.iter().find_map(|(&start, &end)| {
            let address = start.checked_next_multiple_of(align)?;
            (address.checked_add(size)? <= end).then_some((start, end, address))
        })?;
        self.free.remove(&start);
        if start < address {
            self.free.insert(start, address);
        }
        if address + size < end {
            self.free.insert(address + size, end);
        }
        Some(address)
    }

    /// Frees a range, and makes one of it and what is free beside it.
    fn give(&mut self, start: usize, end: usize) {
        let before = self.free.range(..=start).next_back().map(|(&at, &up_to)| (at, up_to));
        let after = self.free.range(start..).next().map(|(&at, &up_to)| (at, up_to));
        let is_allocated =
            before.is_none_or(|(_, up_to)| up_to <= start) && after.is_none_or(|(at, _)| end <= at);
        assert!(is_allocated, "what is freed was allocated");
        let start = match before {
            Some((at, up_to)) if up_to == start => at,
            _ => start,
        };
        let end = match after {
            Some((at, up_to)) if at == end => {
                self.free.remove(&at);
                up_to
            }
            _ => end,
        };
        self.free.insert(start, end);
    }

    fn is_free(&self) -> bool {
        self.free.get(&self.start) == Some(&self.end)
    }
}
