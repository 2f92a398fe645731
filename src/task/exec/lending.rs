use std::sync::Arc;

use crate::interface::{Error, ForkedMemory, Lent, Ring};
use crate::program::CStrings;

/// What the requests of an exec point to, where the task finds it, until this is dropped.
pub(super) struct Lending {
    /// The task's memory; `None` if it is this program's.
    memory: Option<Arc<ForkedMemory>>,
    lent: Vec<Lent>,
    kept: Vec<Vec<usize>>,
}

impl Lending {
    pub(super) fn to(ring: &Ring) -> Self {
        Lending { memory: ring.memory().cloned(), lent: Vec::new(), kept: Vec::new() }
    }

    /// To a child that shares this program's memory.
    pub(super) fn to_ourselves() -> Self {
        Lending { memory: None, lent: Vec::new(), kept: Vec::new() }
    }

    /// Where the task finds these bytes: in this program's memory, where they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        /// How much room is made at once, for all that is small.
        const ROOM: usize = 1 << 16;
        let Some(memory) = &self.memory else {
            return Ok(bytes.as_ptr().expose_provenance());
        };
        if let Some(address) = self.lent.last_mut().and_then(|last| last.push(bytes)) {
            return Ok(address);
        }
        let mut room = memory.room(bytes.len().max(ROOM))?;
        let address = room.push(bytes).expect("there is room for it");
        self.lent.push(room);
        Ok(address)
    }

    /// Where the task finds these numbers, which are kept as long.
    pub(super) fn words(&mut self, words: Vec<usize>) -> Result<usize, Error> {
        let address = self.bytes(bytemuck::cast_slice(&words))?;
        self.kept.push(words);
        Ok(address)
    }

    /// Where the task finds a null-terminated vector of pointers to `strings`.
    pub(super) fn strings(&mut self, strings: &CStrings) -> Result<usize, Error> {
        let first = self.bytes(strings.as_bytes())?;
        let pointers = strings.starts().iter().map(|start| first + start);
        self.words(pointers.chain([0]).collect())
    }
}
