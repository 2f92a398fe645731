//! Reading another program's memory, as debuggers and profilers do.
//!
//! [`ProcessMemory`] is the memory of a process that is known by its pidfd: a child that has become a program,
//! or any other process. It has a brand of its own, so that addresses of two processes, or of a process and
//! this one, are not mixed up: an address that was found in one memory is of another type than those of the
//! others. A number that a debuggee holds, or a symbol table, is data; it becomes an address by a named
//! assertion, [`ProcessMemory::address`].
//!
//! ```
//! use nearfar::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sleep = Program::new("sleep").arg("1000");
//! let process = Task::here().spawn()?.program(&sleep).exec()?.kill_on_drop(true);
//!
//! brand!(sleep_memory);
//! let memory = ProcessMemory::open(sleep_memory, &process)?;
//! let program = memory.regions()?.next().expect("it has memory")?;
//! let start = program.mapping.address();
//! assert_eq!(memory.read::<[u8; 4]>(start)?, *b"\x7fELF");
//!
//! // The header of an ELF file says, at its 24th byte, where the program starts, from where it was loaded.
//! let entry = memory.read::<usize>(start.checked_add(24).expect("in the header"))?;
//! let entry = start.checked_add(entry).expect("in the file");
//! assert!(format!("{entry}").starts_with("Address(sleep_memory:0x"));
//!
//! process.kill()?;
//! process.wait()?;
//! let error = memory.read::<u8>(start).unwrap_err();
//! assert_eq!(error.to_string(), "pread: the memory is gone: the process has exited, or has become another program");
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//!
//! Nothing is written, and the process is neither stopped nor noticed by anybody that it is read: setting
//! breakpoints, registers or bytes takes `ptrace(2)`, which is not here. So what is read is what was there at
//! some moment during the read, while the process may have been changing it: a value of more than one word may be
//! half old and half new, and a pointer may lead to what has been freed. Stop the process (`SIGSTOP`) if that
//! matters.

mod error;
mod open;
mod piece;
mod region;

use std::ffi::CString;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, pread};

use crate::PlainData;
use crate::brand::{Brand, Branded, Dynamic, Guard, HostFds, Label, Namespace, Of};
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error, ErrorKind};
use crate::near::{Address, AsAddress, PageSize};
use crate::task::pinned::pinned_memory;

pub use error::ReadError;
pub use piece::Piece;
pub use region::{Region, Regions};

/// The memory of another process; `A` is its brand.
///
/// It holds on to the memory and not to the process: what is read is never of a program that the process
/// becomes, or of another process that gets its number. When nobody lives in the memory any more, because the
/// process has exited or has become another program, every read fails with
/// [`MemoryGone`](ErrorKind::MemoryGone).
///
/// The memory is that of the moment at which it was opened. If other processes share it, it lasts until the last
/// of them has left it: a child that somebody else has made with `vfork`, as many do to start programs, lives in
/// its parent's memory until it has become the program. Opened twice, one memory has two brands.
///
/// A read can wait for as long as the page fault of the process itself would, as for a file on a network or
/// a fault that a `userfaultfd` handles.
///
/// The process may be changing what is read: see [the module](self#what-it-does-not-do).
///
/// # Many of them
///
/// [Erased](Self::erase) memories are all of one type, for maps and structs. Their addresses would not say which one
/// they are of, so nothing is read from them like that, but [pinned](Self::pin).
#[must_use = "dropping it closes the process's memory"]
pub struct ProcessMemory<A> {
    opened: Arc<Opened>,
    /// The one that it was opened with.
    name: &'static str,
    _brand: Of<A>,
}

/// The files of a process's memory.
struct Opened {
    /// `/proc/PID/mem` and `/proc/PID/maps`, of the same memory; the kernel ties both to it.
    mem: Fd<HostFds>,
    maps: Fd<HostFds>,
    /// Held while the list is read, as the kernel remembers in the open file how far.
    listing: Mutex<()>,
}

impl<'id, L: Label> ProcessMemory<Brand<'id, L>> {
    /// Opens the memory of the process that `pidfd` holds, and names it.
    ///
    /// A [`ChildProcess`](crate::ChildProcess) is such an fd; for a process that is known by its number alone,
    /// it comes from [`pidfd_open`](crate::task::ProcessTask::pidfd_open). The process may run, be stopped, or
    /// have lost its first thread. A child of this process is never opened in this process's memory: if it
    /// is just leaving that to become a program, this waits until it has, for a second at most.
    ///
    /// # Errors
    ///
    /// - [`MemoryGone`](ErrorKind::MemoryGone) if the process has ended, or never had a memory, as kernel threads.
    /// - [`OwnMemory`](ErrorKind::OwnMemory) if it is a driven task that shares this process's memory, as all do but
    ///   those with a memory of their own, or another process that stays in it.
    /// - `EACCES` or `EPERM` if this thread may not look into the process, see the reference: one of another user,
    ///   one that is not dumpable, or with Yama's `ptrace_scope` one that is no descendant. `CAP_SYS_PTRACE`
    ///   helps.
    /// - `EBADF` if the fd is not a pidfd.
    /// - `ESRCH` if the process is in a pid namespace that `/proc` does not show, `ENOENT` if `/proc` hides it
    ///   (`hidepid`) or is not mounted.
    ///
    /// # References
    ///
    /// [`proc_pid_mem(5)`](https://man7.org/linux/man-pages/man5/proc_pid_mem.5.html),
    /// "Ptrace access mode checking" in
    /// [`ptrace(2)`](https://man7.org/linux/man-pages/man2/ptrace.2.html)
    #[doc(alias = "attach")]
    #[doc(alias = "process_vm_readv")]
    pub fn open(name: Guard<'id, L>, pidfd: impl AsFd<HostFds>) -> Result<Self, Error> {
        drop(name);
        let (mem, maps) = open::files(pidfd.near_fd())?;
        let opened = Arc::new(Opened { mem, maps, listing: Mutex::new(()) });
        Ok(ProcessMemory { opened, name: L::NAME, _brand: Of::new() })
    }
}

impl<A> ProcessMemory<A> {
    /// The same memory, storable anywhere, and [pinned](Self::pin) to be read.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use nearfar::Dynamic;
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut memories: HashMap<u32, ProcessMemory<Dynamic>> = HashMap::new();
    /// # let mut processes = Vec::new();
    /// for _ in 0..2 {
    ///     let sleep = Program::new("sleep").arg("1000");
    ///     let process = Task::here().spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    ///     brand!(sleep_memory);
    ///     let memory = ProcessMemory::open(sleep_memory, &process)?;
    ///     memories.insert(process.id(), memory.erase());
    /// #   processes.push(process);
    /// }
    /// for memory in memories.values() {
    ///     memory.pin(|memory| {
    ///         let program = memory.regions()?.next().expect("it has memory")?;
    ///         let magic = memory.read::<[u8; 4]>(program.mapping.address())?;
    ///         assert_eq!(magic, *b"\x7fELF");
    ///         Ok::<_, Box<dyn std::error::Error>>(())
    ///     })?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn erase(self) -> ProcessMemory<Dynamic> {
        self.rebranded()
    }

    fn rebranded<B>(&self) -> ProcessMemory<B> {
        ProcessMemory { opened: Arc::clone(&self.opened), name: self.name, _brand: Of::new() }
    }
}

impl ProcessMemory<Dynamic> {
    /// Runs `body` with this memory under a brand of its own: addresses of it are not mixed up there with those of
    /// other memories, and do not leave it but as numbers.
    pub fn pin<R>(
        &self,
        body: impl for<'id> FnOnce(&ProcessMemory<Brand<'id, pinned_memory>>) -> R,
    ) -> R {
        body(&self.rebranded())
    }
}

impl<A: Namespace> ProcessMemory<A> {
    /// Asserts that `number` is an address of this memory: what was read there as a pointer, or calculated from a
    /// symbol table.
    ///
    /// It need not be mapped: a wrong one is an error of the read.
    #[must_use]
    pub fn address(&self, number: usize) -> Address<A>
    where
        A: Branded,
    {
        Address::new(number)
    }

    /// What is mapped now, in ascending order: `/proc/PID/maps`.
    ///
    /// The list is read at once, before this returns; if the process changes its mappings meanwhile, each of those
    /// that stay is in it once.
    ///
    /// # Errors
    ///
    /// [`MemoryGone`](ErrorKind::MemoryGone); `ESRCH` if the process had lost its first thread when it was opened,
    /// and has lost the one that was found instead: open it again.
    ///
    /// # References
    ///
    /// [`proc_pid_maps(5)`](https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html)
    #[doc(alias = "mappings")]
    #[doc(alias = "maps")]
    pub fn regions(&self) -> Result<Regions<A>, Error>
    where
        A: Branded,
    {
        const STEP: usize = 64 * 1024;
        let _one_at_a_time = self.opened.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        loop {
            let end = lines.len();
            lines.resize(end + STEP, 0);
            let length = match pread(&self.opened.maps, &mut lines[end..], end as u64) {
                Ok(length) => length,
                // The thread by which it was found has been reaped, and perhaps all of them.
                Err(errno) => return self.check().and(Err(Error::os(Call::PREAD, errno))),
            };
            lines.truncate(end + length);
            if length == 0 {
                break;
            }
        }
        // That the list has ended could also mean that the memory has.
        self.check()?;
        Ok(Regions::new(lines))
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](ReadError::Unreadable) if not all of it can be read,
    /// [`MemoryGone`](ErrorKind::MemoryGone).
    pub fn read<T: PlainData>(&self, address: impl AsAddress<A>) -> Result<T, ReadError>
    where
        A: Branded,
    {
        let mut value = T::zeroed();
        self.read_slice(address, std::slice::from_mut(&mut value))?;
        Ok(value)
    }

    /// Reads as many values as `values` has, which lie one behind the other.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); then what is in `values` is in part what was there before, in part what was read.
    pub fn read_slice<T: PlainData>(
        &self,
        address: impl AsAddress<A>,
        values: &mut [T],
    ) -> Result<(), ReadError>
    where
        A: Branded,
    {
        let (address, bytes) = (address.address(), bytemuck::cast_slice_mut(values));
        let read = self.fill(address, bytes)?;
        if read < bytes.len() { Err(self.unreadable(address, read)) } else { Ok(()) }
    }

    /// Reads up to the first address that cannot be read, and says which one that is.
    ///
    /// That nothing can be read is not an error.
    ///
    /// ```
    /// # use nearfar::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sleep = Program::new("sleep").arg("1000");
    /// # let process = Task::here().spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    /// # brand!(sleep_memory);
    /// # let memory = ProcessMemory::open(sleep_memory, &process)?;
    /// let mut buffer = [0; 1 << 17];
    /// let stack = memory.regions()?.find(|region| {
    ///     region.as_ref().is_ok_and(|region| region.name == "[stack]")
    /// });
    /// let end = stack.expect("there is one")?.mapping.end();
    /// let last_bytes = end.checked_sub(16).expect("not at 0");
    /// let piece = memory.read_available(last_bytes, &mut buffer)?;
    /// assert_eq!((piece.bytes().len(), piece.unreadable()), (16, Some(end)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`MemoryGone`](ErrorKind::MemoryGone).
    #[doc(alias = "partial")]
    pub fn read_available<'b>(
        &self,
        address: impl AsAddress<A>,
        buffer: &'b mut [u8],
    ) -> Result<Piece<'b, A>, Error>
    where
        A: Branded,
    {
        let mut piece = self.piece(address, buffer);
        piece.read = self.fill(piece.address, piece.buffer)?;
        Ok(piece)
    }

    /// Reads a string that ends with a NUL byte, which is not more than `limit` bytes away.
    ///
    /// No page behind the one with the NUL is looked at.
    ///
    /// # Errors
    ///
    /// [`Unterminated`](ReadError::Unterminated) if there is no NUL so close,
    /// [`Unreadable`](ReadError::Unreadable) if there is none before something that cannot be read,
    /// [`MemoryGone`](ErrorKind::MemoryGone).
    #[doc(alias = "string")]
    pub fn read_c_string(
        &self,
        address: impl AsAddress<A>,
        limit: usize,
    ) -> Result<CString, ReadError>
    where
        A: Branded,
    {
        const PAGE: usize = PageSize::BASE.bytes();
        let address = address.address();
        let mut found = Vec::new();
        loop {
            // With its NUL, it may have one byte more than the limit.
            let left = limit.saturating_add(1) - found.len();
            let in_page = PAGE - address.as_raw().wrapping_add(found.len()) % PAGE;
            let mut page = [0; PAGE];
            let page = &mut page[..left.min(in_page)];
            let next = address.checked_add(found.len());
            let next = next.ok_or(self.unreadable(address, found.len()))?;
            let read = self.fill(next, page)?;
            if let Some(end) = page[..read].iter().position(|byte| *byte == 0) {
                found.extend_from_slice(&page[..end]);
                return Ok(CString::new(found).expect("up to the first NUL"));
            }
            found.extend_from_slice(&page[..read]);
            if read < page.len() {
                return Err(self.unreadable(address, found.len()));
            }
            if found.len() > limit {
                return Err(ReadError::Unterminated {
                    memory: self.name,
                    address: address.as_raw(),
                    limit,
                });
            }
        }
    }

    /// Reads what can be read from `address` on: how much.
    fn fill(&self, address: Address<A>, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return self.check().map(|()| 0);
        }
        let mut read = 0;
        while read < buffer.len() {
            let next = address.checked_add(read).map(|next| next.as_raw() as u64);
            let offset = next.filter(|next| i64::try_from(*next).is_ok());
            // The kernel takes no such offset: it is behind all that a process can map by itself.
            let Some(offset) = offset else {
                self.check()?;
                break;
            };
            match pread(&self.opened.mem, &mut buffer[read..], offset) {
                Ok(0) => return Err(Error::new(Call::PREAD, ErrorKind::MemoryGone)),
                Ok(length) => read += length,
                Err(Errno::IO) => break,
                Err(errno) => return Err(Error::os(Call::PREAD, errno)),
            }
        }
        Ok(read)
    }

    /// That a read from `address` came no further than this.
    fn unreadable(&self, address: Address<A>, read: usize) -> ReadError {
        let address = address.as_raw().saturating_add(read);
        ReadError::Unreadable { memory: self.name, address, read }
    }

    /// That somebody still lives in it.
    fn check(&self) -> Result<(), Error> {
        open::check(&self.opened.mem)
    }
}

impl<A> fmt::Debug for ProcessMemory<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessMemory({})", self.name)
    }
}
