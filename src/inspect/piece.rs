use std::fmt;

use super::ProcessMemory;
use crate::brand::{Branded, Namespace};
use crate::interface::Error;
use crate::near::{Address, AsAddress, PageSize};

/// A piece of the memory `A`, and the buffer that it is read into.
pub struct Piece<'b, A> {
    pub(super) address: Address<A>,
    pub(super) buffer: &'b mut [u8],
    /// Invariant: no more than the buffer's length.
    pub(super) read: usize,
}

impl<A> Piece<'_, A> {
    /// Where it starts.
    #[must_use]
    pub const fn address(&self) -> Address<A> {
        self.address
    }

    /// What was read of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.read]
    }

    /// The first address that has not been read; `None` if all of it has been.
    #[must_use]
    pub fn unreadable(&self) -> Option<Address<A>> {
        let is_whole = self.read == self.buffer.len();
        // No read gets further than the last address.
        if is_whole { None } else { self.address.checked_add(self.read) }
    }

    /// Where it ends, or would if there were as many addresses.
    fn end(&self) -> usize {
        self.address.as_raw().saturating_add(self.buffer.len())
    }
}

impl<A: Namespace> ProcessMemory<A> {
    /// A piece to be read by [`read_pieces`](Self::read_pieces), as long as `buffer`.
    pub fn piece<'b>(&self, address: impl AsAddress<A>, buffer: &'b mut [u8]) -> Piece<'b, A>
    where
        A: Branded,
    {
        Piece { address: address.address(), buffer, read: 0 }
    }

    /// Reads pieces in any order of their addresses, each up to the first address that cannot be read.
    ///
    /// Small ones that lie in the same pages, or in neighbouring ones, are read by one call of the kernel, which
    /// touches no page that none of them is in. That nothing can be read is not an error.
    ///
    /// ```
    /// # use nearfar::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sleep = Program::new("sleep").arg("1000");
    /// # let process = Task::here().spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    /// # brand!(sleep_memory);
    /// # let memory = ProcessMemory::open(sleep_memory, &process)?;
    /// let program = memory.regions()?.next().expect("it has memory")?.mapping;
    /// let (mut magic, mut nothing) = ([0; 4], [0; 4]);
    /// let mut pieces = [
    ///     memory.piece(program.address(), &mut magic),
    ///     memory.piece(memory.address(0), &mut nothing),
    /// ];
    /// memory.read_pieces(&mut pieces)?;
    /// assert_eq!(pieces[0].bytes(), b"\x7fELF");
    /// assert_eq!(pieces[1].unreadable(), Some(memory.address(0)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`MemoryGone`](crate::ErrorKind::MemoryGone): then some pieces may have been read before.
    #[doc(alias = "process_vm_readv")]
    #[doc(alias = "scatter")]
    pub fn read_pieces(&self, pieces: &mut [Piece<'_, A>]) -> Result<(), Error>
    where
        A: Branded,
    {
        for piece in pieces.iter_mut() {
            piece.read = 0;
        }
        let mut sorted: Vec<_> =
            pieces.iter_mut().filter(|piece| !piece.buffer.is_empty()).collect();
        sorted.sort_unstable_by_key(|piece| piece.address);
        if sorted.is_empty() {
            return self.check();
        }
        let mut rest = &mut sorted[..];
        let mut scratch = Vec::new();
        while !rest.is_empty() {
            let (count, end) = neighbours(rest);
            if count == 1 {
                rest[0].read = self.fill(rest[0].address, rest[0].buffer)?;
                rest = &mut rest[1..];
                continue;
            }
            let start = rest[0].address;
            scratch.resize(end - start.as_raw(), 0);
            let read = self.fill(start, &mut scratch)?;
            // Those behind what cannot be read may be readable.
            let reached = start.as_raw() + read;
            let count = rest[..count].partition_point(|piece| piece.address.as_raw() <= reached);
            let (done, others) = rest.split_at_mut(count);
            for piece in done {
                let found = &scratch[piece.address.as_raw() - start.as_raw()..read];
                piece.read = found.len().min(piece.buffer.len());
                piece.buffer[..piece.read].copy_from_slice(&found[..piece.read]);
            }
            rest = others;
        }
        Ok(())
    }
}

/// How many of these, which are sorted, to read at once, and where they end.
fn neighbours<A>(sorted: &[&mut Piece<'_, A>]) -> (usize, usize) {
    const AT_ONCE: usize = 64 * 1024;
    const PAGE: usize = PageSize::BASE.bytes();
    let (start, mut end) = (sorted[0].address.as_raw(), sorted[0].end());
    for (count, piece) in sorted.iter().enumerate().skip(1) {
        let is_near = piece.address.as_raw() / PAGE <= (end - 1) / PAGE + 1;
        let new_end = end.max(piece.end());
        if !is_near || new_end - start > AT_ONCE {
            return (count, end);
        }
        end = new_end;
    }
    (sorted.len(), end)
}

impl<A: Namespace> fmt::Debug for Piece<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (read, length) = (self.read, self.buffer.len());
        write!(f, "Piece({:?}, {read} of {length} bytes)", self.address)
    }
}
