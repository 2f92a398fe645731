//! Mappings, and what is allocated in them.
//!
//! # Safety
//!
//! 1. Addresses in a call are those of a mapping that is borrowed or given up, in the task's own address
//!    space; no reference points there, and the kernel keeps none of them after the call but as its
//!    mapping.
//! 2. Where a new mapping comes to be is left to the kernel: no `MAP_FIXED`, no `MREMAP_FIXED`.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd number in a call comes from a handle or a borrow of the task's own table (`near`), and stays
//!    open for the call.
//! 5. What the kernel has mapped is new, and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::mem::ManuallyDrop;

use rustix::fs::{FileType, FsWord};
use rustix::io::Errno;
use rustix::mm::{Advice, MsyncFlags, ProtFlags};

use crate::far::{self, Whose};
use crate::handle::{Allocation, AsFd, AsMapping, IntoMapping, Mapping, Pointer, Shared};
use crate::interface::{Call, Error, ErrorKind, procfs};
use crate::near::{Address, MemoryMapping, PageSize};
use crate::plain::PlainData;

use super::arguments::{call, in_own_memory, known, near, steady};
use super::{FileDescriptorTask, MetadataTask};

/// Who sees what is written to a mapping of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// Nobody: a page that is written to is copied first (`MAP_PRIVATE`).
    Private,
    /// Who else maps or reads the file (`MAP_SHARED`).
    Shared,
    /// As `Shared`; and the mapping knows [which open file](Mapping::file) it maps, because it holds it
    /// open by an fd of this program as long as it exists. [`far::File`] says what that means.
    SharedAndHeld,
}

/// Calls on the memory of a task: mapping pages, and allocating in them.
///
/// Every mapping has to be of the task's own address space, and every fd of its own fd table: else the
/// call does not compile. What is in memory is read and written through a [`Pointer`].
///
/// # What belongs to the address space
///
/// All of it: where the address space is this program's, it does not matter which task maps or unmaps something,
/// except that the limits (`RLIMIT_AS`, `RLIMIT_DATA`, `RLIMIT_MEMLOCK`) that count are those of the
/// task. What a driven task has mapped there stays when it ends. If it is killed while it maps something, before it
/// has answered, those pages stay mapped, and nobody knows where.
///
/// The kernel chooses each address, and calls are about pages that a handle owns alone. So no call changes
/// pages that this program or another task uses. Missing on purpose: `brk`, `mlockall`, `pkey_alloc`,
/// `userfaultfd`, `shmat`, `remap_file_pages`, which are about the whole address space, or leave
/// addresses with the kernel.
///
/// Pages can be executable; nothing that is safe in this library jumps there. Only those that can also be
/// read, though: for `PROT_EXEC` alone, the kernel takes one of the address space's few protection keys.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](ErrorKind::NotSent) if it was dead before, [`Hangup`](ErrorKind::Hangup) if it died
/// meanwhile.
pub trait MemoryTask: far::Task {
    /// `mmap(length, access, MAP_PRIVATE | MAP_ANONYMOUS)`—new pages, full of zeroes: at least `length`
    /// bytes, whole pages of 4 KiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let mut mapping = child.mmap_anonymous(5000, ProtFlags::READ | ProtFlags::WRITE)?;
    /// assert_eq!(mapping.length(), 8192);
    /// mapping.bytes().write_slice(&child, b"hello")?;
    /// child.mprotect(&mut mapping, ProtFlags::READ)?;
    /// let error = mapping.bytes().write_slice(&child, b"HELLO").unwrap_err();
    /// assert_eq!(error.errno(), Some(Errno::FAULT));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mmap`: `ENOMEM`, also for too many mappings, `EINVAL` for a length of 0, ...;
    /// [`UnknownFlags`](ErrorKind::UnknownFlags) for access that is not allowed, or that this library does not
    /// know.
    ///
    /// # References
    ///
    /// [`mmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html)
    #[doc(alias = "mmap")]
    fn mmap_anonymous(
        &self,
        length: usize,
        access: ProtFlags,
    ) -> Result<Mapping<Self::AddressSpace>, Error> {
        // SAFETY: (3); the file is none.
        unsafe { map(self, length, access, ANONYMOUS, (NO_FILE, 0), PageSize::BASE) }
    }

    /// `mmap(length, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)`—new pages of this size, full of
    /// zeroes, from those that the system has set aside (`/proc/sys/vm/nr_hugepages`).
    ///
    /// Without any set aside, [`madvise`](Self::madvise) with [`Advice::LinuxHugepage`] asks for large pages
    /// where they are to be had.
    ///
    /// # Errors
    ///
    /// As [`mmap_anonymous`](Self::mmap_anonymous): `ENOMEM` if there are not enough, `EINVAL` if the
    /// processor has none of this size.
    ///
    /// # References
    ///
    /// [`mmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html)
    #[doc(alias = "MAP_HUGETLB")]
    fn mmap_hugetlb(
        &self,
        length: usize,
        access: ProtFlags,
        page_size: PageSize,
    ) -> Result<Mapping<Self::AddressSpace>, Error> {
        let size = page_size.shift() << libc::MAP_HUGE_SHIFT;
        let flags = ANONYMOUS | libc::MAP_HUGETLB as usize | size;
        // SAFETY: (3); the file is none.
        unsafe { map(self, length, access, flags, (NO_FILE, 0), page_size) }
    }

    /// `mmap(length, access, sharing, fd, offset)`—pages of a regular file, from `offset` bytes from its
    /// start on: at least `length` bytes, whole pages, of the size that the file system has.
    ///
    /// Checked: `fd` is of this task's fd table. The mapping stays when the fd is closed. Beyond the end of
    /// the file there is nothing to read or write: an error, through a [`Pointer`].
    ///
    /// Devices are refused: to some of them, memory is a way to be told what to do.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::Sharing;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let file = child.memfd_create("shared", MemfdFlags::empty())?;
    /// child.pwrite(&file, b"hello", 0)?;
    /// let access = ProtFlags::READ | ProtFlags::WRITE;
    /// let mut mapping = child.mmap_file(&file, 0, 4096, access, Sharing::Shared)?;
    /// mapping.pointer::<u8>(0).unwrap().write(&child, &b'j')?;
    /// let mut content = [0; 5];
    /// child.pread(&file, &mut content, 0)?;
    /// assert_eq!(&content, b"jello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mmap`: `EACCES` if the file is not open for this access, `EINVAL` for an offset between two
    /// pages, `EPERM` if a seal or the mount forbids it, ...; `ENODEV` for what is not a regular file, or lies in
    /// procfs or sysfs; of [`file`](FileDescriptorTask::file) if the mapping is to hold it.
    ///
    /// # References
    ///
    /// [`mmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html)
    #[doc(alias = "mmap")]
    fn mmap_file(
        &self,
        fd: impl AsFd<Self::FdTable>,
        offset: u64,
        length: usize,
        access: ProtFlags,
        sharing: Sharing,
    ) -> Result<Mapping<Self::AddressSpace>, Error> {
        let fd = steady(self, &fd)?;
        let status = self.fstat(&fd)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(Error::os(Call::MMAP, Errno::NODEV));
        }
        let (flags, shared) = match sharing {
            Sharing::Private => (libc::MAP_PRIVATE, None),
            Sharing::Shared => (libc::MAP_SHARED, None),
            Sharing::SharedAndHeld => {
                (libc::MAP_SHARED, Some(Shared { file: self.file(&fd)?, offset }))
            }
        };
        let file_system = self.fstatfs(&fd)?;
        let page_size = match file_system.f_type {
            HUGETLBFS_MAGIC => PageSize::new(file_system.f_bsize as usize),
            // What looks like a regular file there may be a device's memory.
            procfs::PROCFS | SYSFS_MAGIC => None,
            _ => Some(PageSize::BASE),
        };
        let page_size = page_size.ok_or(Error::os(Call::MMAP, Errno::NODEV))?;
        let file = (near(self, Call::MMAP, &fd)?, offset as usize);
        // SAFETY: (3), (4)
        let mapping = unsafe { map(self, length, access, flags as usize, file, page_size) }?;
        Ok(mapping.sharing(shared))
    }

    /// `munmap(mapping)`—unmaps pages, and says so if the kernel refuses.
    ///
    /// Checked: `mapping` is in this task's address space. Dropping it does the same, and says nothing.
    ///
    /// # Errors
    ///
    /// Of `munmap`: `ENOMEM` if too many mappings would be left, with the handle; that the task is dead.
    ///
    /// # References
    ///
    /// [`munmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html)
    fn munmap(
        &self,
        mapping: impl IntoMapping<Self::AddressSpace>,
    ) -> Result<(), MappingUnchanged<Self::AddressSpace>> {
        let mapping = without_owner(in_own(self, Call::MUNMAP, mapping.into_mapping())?);
        let arguments = [mapping.address().as_raw(), mapping.length()];
        // SAFETY: (1)
        let unmapped = unsafe { call(self, Call::MUNMAP, arguments) };
        let mapping = ManuallyDrop::into_inner(mapping);
        match unmapped {
            Ok(_) => {
                let _gone = mapping.into_parts();
                Ok(())
            }
            Err(error) => Err(MappingUnchanged::new(error, mapping)),
        }
    }

    /// `mremap(mapping, length, MREMAP_MAYMOVE)`—makes a mapping longer or shorter, in whole pages. It
    /// may be elsewhere afterwards, with what was in it; what is added is zeroes, or more of the file.
    ///
    /// Checked: `mapping` is in this task's address space. Pointers that borrow it do not outlive this.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let mut mapping = child.mmap_anonymous(4096, ProtFlags::READ | ProtFlags::WRITE)?;
    /// mapping.bytes().write_slice(&child, b"hello")?;
    /// let mut mapping = child.mremap(mapping, 1 << 20)?;
    /// assert_eq!(mapping.length(), 1 << 20);
    /// assert_eq!(&mapping.bytes().to_vec(&child)?[..6], b"hello\0");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mremap`: `ENOMEM` if there is no room, or for a length beyond all addresses; `EINVAL` for a length of 0, and
    /// to have more huge pages; `EFAULT` if parts of it differ in their access; each with the handle. That the task is
    /// dead.
    ///
    /// # References
    ///
    /// [`mremap(2)`](https://man7.org/linux/man-pages/man2/mremap.2.html)
    fn mremap(
        &self,
        mapping: impl IntoMapping<Self::AddressSpace>,
        length: usize,
    ) -> Result<Mapping<Self::AddressSpace>, MappingUnchanged<Self::AddressSpace>> {
        let mapping = in_own(self, Call::MREMAP, mapping.into_mapping())?;
        let page_size = mapping.page_size();
        let Some(new_length) = length.checked_next_multiple_of(page_size.bytes()) else {
            let too_long = Error::os(Call::MREMAP, Errno::NOMEM);
            return Err(MappingUnchanged::new(too_long, mapping));
        };
        let (address, may_move) = (mapping.address().as_raw(), libc::MREMAP_MAYMOVE as usize);
        let mapping = without_owner(mapping);
        let arguments = [address, mapping.length(), new_length, may_move];
        // SAFETY: (1), (2), (3)
        let moved = unsafe { call(self, Call::MREMAP, arguments) };
        let mapping = ManuallyDrop::into_inner(mapping);
        let near = moved.and_then(|address| pages(Call::MREMAP, address, new_length, page_size));
        match near {
            Ok(near) => {
                let (_, space, shared) = mapping.into_parts();
                // SAFETY: (5)
                Ok(unsafe { Mapping::from_near(near, &space) }.sharing(shared))
            }
            Err(error) => Err(MappingUnchanged::new(error, mapping)),
        }
    }

    /// `mprotect(mapping, access)`—sets what may be done with pages.
    ///
    /// Checked: `mapping` is in this task's address space. It can be [a part](Mapping::slice) of one.
    ///
    /// # Errors
    ///
    /// Of `mprotect`: `EACCES` if the file is not open for it, `ENOMEM` if there would be too many mappings,
    /// when a part may have been changed; [`UnknownFlags`](ErrorKind::UnknownFlags) for access
    /// that is not allowed, or that this library does not know.
    ///
    /// # References
    ///
    /// [`mprotect(2)`](https://man7.org/linux/man-pages/man2/mprotect.2.html)
    fn mprotect(
        &self,
        mapping: &mut impl AsMapping<Self::AddressSpace>,
        access: ProtFlags,
    ) -> Result<(), Error> {
        let access = allowed(Call::MPROTECT, access)?;
        // SAFETY: (1), (3)
        unsafe { on(self, Call::MPROTECT, mapping, access) }
    }

    /// `madvise(mapping, advice)`—how pages are going to be used, or that what is in them is not needed.
    ///
    /// Checked: `mapping` is in this task's address space. It can be [a part](Mapping::slice) of one. After
    /// some advice, what is read there is zeroes, or what is in the file:
    /// [`LinuxDontNeed`](Advice::LinuxDontNeed), [`LinuxFree`](Advice::LinuxFree),
    /// [`LinuxRemove`](Advice::LinuxRemove), which empties the file too, and in a copy of this
    /// program that it forks, [`LinuxWipeOnFork`](Advice::LinuxWipeOnFork).
    ///
    /// # Errors
    ///
    /// Of `madvise`: `EINVAL` if it is not for such pages, `EBADF`, `EIO`, `ENOMEM`, ...;
    /// [`UnknownFlags`](ErrorKind::UnknownFlags) for advice that is not allowed:
    /// `MADV_DONTFORK` and `MADV_DOFORK`, as the handle would unmap somebody else's pages in a forked
    /// copy; `MADV_HWPOISON` and `MADV_SOFT_OFFLINE`; and what this library does not know.
    ///
    /// # References
    ///
    /// [`madvise(2)`](https://man7.org/linux/man-pages/man2/madvise.2.html)
    fn madvise(
        &self,
        mapping: &mut impl AsMapping<Self::AddressSpace>,
        advice: Advice,
    ) -> Result<(), Error> {
        if !KNOWN_ADVICE.contains(&advice) {
            return Err(Error::new(Call::MADVISE, ErrorKind::UnknownFlags));
        }
        // SAFETY: (1), (3)
        unsafe { on(self, Call::MADVISE, mapping, advice as usize) }
    }

    /// `msync(mapping, flags)`—writes pages of a shared mapping to their file: at once with
    /// [`MsyncFlags::SYNC`].
    ///
    /// Checked: `mapping` is in this task's address space.
    ///
    /// # Errors
    ///
    /// Of `msync`: `EIO`, `EBUSY` for [`MsyncFlags::INVALIDATE`] of locked pages, `EINVAL` for both `SYNC` and
    /// `ASYNC`; [`UnknownFlags`](ErrorKind::UnknownFlags) for flags that this library does not know.
    ///
    /// # References
    ///
    /// [`msync(2)`](https://man7.org/linux/man-pages/man2/msync.2.html)
    fn msync(
        &self,
        mapping: &impl AsMapping<Self::AddressSpace>,
        flags: MsyncFlags,
    ) -> Result<(), Error> {
        let allowed = MsyncFlags::SYNC | MsyncFlags::ASYNC | MsyncFlags::INVALIDATE;
        let flags = known(Call::MSYNC, flags.bits(), allowed.bits())?;
        // SAFETY: (1), (3)
        unsafe { on(self, Call::MSYNC, mapping, flags) }
    }

    /// `mlock(mapping)`—keeps pages in memory, from now on until they are unmapped.
    ///
    /// Checked: `mapping` is in this task's address space. Pages that are locked twice are unlocked at
    /// once.
    ///
    /// # Errors
    ///
    /// Of `mlock`: `ENOMEM` beyond the task's limit or where nothing can be in memory, `EPERM` if the limit
    /// is 0, `EAGAIN`.
    ///
    /// # References
    ///
    /// [`mlock(2)`](https://man7.org/linux/man-pages/man2/mlock.2.html)
    fn mlock(&self, mapping: &impl AsMapping<Self::AddressSpace>) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { on(self, Call::MLOCK, mapping, 0) }
    }

    /// `munlock(mapping)`—lets pages be swapped out again.
    ///
    /// Checked: as [`mlock`](Self::mlock).
    ///
    /// # Errors
    ///
    /// Of `munlock`: `ENOMEM`.
    ///
    /// # References
    ///
    /// [`munlock(2)`](https://man7.org/linux/man-pages/man2/mlock.2.html)
    fn munlock(&self, mapping: &impl AsMapping<Self::AddressSpace>) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { on(self, Call::MUNLOCK, mapping, 0) }
    }

    /// Allocates memory for one `T` in the task's address space; maps more pages if there is no room.
    ///
    /// What is in it may be anything. It is freed when the pointer is dropped. Who allocates need not be who
    /// frees: the memory belongs to the address space. It comes from pages that the library maps there as it
    /// needs them, and unmaps when nothing is left in them.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let mut count = child.malloc::<u64>()?;
    /// count.write(&child, &41)?;
    /// let before = count.read(&child)?;
    /// count.write(&child, &(before + 1))?;
    /// assert_eq!(count.read(&child)?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`mmap_anonymous`](Self::mmap_anonymous), if more pages are needed.
    ///
    /// # References
    ///
    /// [`mmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html),
    /// [`malloc(3)`](https://man7.org/linux/man-pages/man3/malloc.3.html)
    #[doc(alias = "alloc")]
    fn malloc<T: PlainData>(&self) -> Result<Pointer<Self::AddressSpace, T>, Error> {
        let place = allocate(self, size_of::<T>(), align_of::<T>())?;
        Ok(Pointer::at(place).expect("it was allocated for one"))
    }

    /// Allocates memory for `count` of `T` in the task's address space; maps more pages if there is no room.
    ///
    /// As [`malloc`](Self::malloc). Of `u8`, it is a buffer for calls.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let file = child.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
    /// let mut buffer = child.malloc_slice::<u8>(16)?;
    /// let length = child.read(&file, &mut buffer)?;
    /// assert_eq!(buffer.to_vec(&child)?[length - 1], b'\n');
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`malloc`](Self::malloc); `ENOMEM` for more than there can be.
    ///
    /// # References
    ///
    /// [`mmap(2)`](https://man7.org/linux/man-pages/man2/mmap.2.html),
    /// [`malloc(3)`](https://man7.org/linux/man-pages/man3/malloc.3.html)
    fn malloc_slice<T: PlainData>(
        &self,
        count: usize,
    ) -> Result<Pointer<Self::AddressSpace, [T]>, Error> {
        let too_many = Error::os(Call::MMAP, Errno::NOMEM);
        let size = count.checked_mul(size_of::<T>()).ok_or(too_many)?;
        let place = allocate(self, size, align_of::<T>())?;
        Ok(Pointer::at_slice(place).expect("it was allocated for that many"))
    }

    /// `process_vm_writev(address, value)`—a copy of a value of this program in memory that is
    /// [allocated](Self::malloc) for it in the task's address space.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let pair = child.ptr(&[1_u32, 2])?;
    /// assert_eq!(pair.read(&child)?, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`malloc`](Self::malloc) and [`Pointer::write`].
    ///
    /// # References
    ///
    /// [`process_vm_writev(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    fn ptr<T: PlainData>(&self, value: &T) -> Result<Pointer<Self::AddressSpace, T>, Error> {
        let mut pointer = self.malloc::<T>()?;
        pointer.write(self, value)?;
        Ok(pointer)
    }

    /// `process_vm_writev(address, values)`—a copy of several values of this program in memory that is
    /// [allocated](Self::malloc_slice) for them in the task's address space.
    ///
    /// # Errors
    ///
    /// As [`ptr`](Self::ptr).
    ///
    /// # References
    ///
    /// [`process_vm_writev(2)`](https://man7.org/linux/man-pages/man2/process_vm_readv.2.html)
    fn ptr_slice<T: PlainData>(
        &self,
        values: &[T],
    ) -> Result<Pointer<Self::AddressSpace, [T]>, Error> {
        let mut pointer = self.malloc_slice::<T>(values.len())?;
        pointer.write_slice(self, values)?;
        Ok(pointer)
    }
}

impl<K: far::Task + ?Sized> MemoryTask for K {}

/// A mapping that was not unmapped or moved.
#[non_exhaustive]
pub struct MappingUnchanged<A> {
    /// Why.
    pub error: Error,
    /// The mapping, as it was; `None` if the task died meanwhile, so that nobody knows whether it still
    /// exists. Then nothing is done to those addresses any more.
    pub mapping: Option<Mapping<A>>,
}

undone! { MappingUnchanged<A> Error }

impl<A> MappingUnchanged<A> {
    fn new(error: Error, mapping: Mapping<A>) -> Self {
        let mapping = match error.kind() {
            ErrorKind::Hangup => {
                let _unknown = mapping.into_parts();
                None
            }
            _ => Some(mapping),
        };
        MappingUnchanged { error, mapping }
    }
}

const ANONYMOUS: usize = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;

/// The fd of a mapping of no file.
const NO_FILE: usize = usize::MAX;

/// What hugetlbfs says it is (`linux/magic.h`).
const HUGETLBFS_MAGIC: FsWord = 0x9584_58f6;
const SYSFS_MAGIC: FsWord = 0x6265_6572;

const KNOWN_ACCESS: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE).union(ProtFlags::EXEC);

/// What neither takes pages away from their handle, nor harms others.
const KNOWN_ADVICE: [Advice; 20] = [
    Advice::Normal,
    Advice::Random,
    Advice::Sequential,
    Advice::WillNeed,
    Advice::LinuxDontNeed,
    Advice::LinuxDontneedLocked,
    Advice::LinuxFree,
    Advice::LinuxRemove,
    Advice::LinuxMergeable,
    Advice::LinuxUnmergeable,
    Advice::LinuxHugepage,
    Advice::LinuxNoHugepage,
    Advice::LinuxDontDump,
    Advice::LinuxDoDump,
    Advice::LinuxWipeOnFork,
    Advice::LinuxKeepOnFork,
    Advice::LinuxCold,
    Advice::LinuxPageOut,
    Advice::LinuxPopulateRead,
    Advice::LinuxPopulateWrite,
];

/// The argument for access, if `call` may be given it.
fn allowed(call: Call, access: ProtFlags) -> Result<usize, Error> {
    if access == ProtFlags::EXEC {
        // The kernel would take one of the address space's few protection keys for it, for ever.
        return Err(Error::new(call, ErrorKind::UnknownFlags));
    }
    known(call, access.bits(), KNOWN_ACCESS.bits())
}

/// Has `task` map pages, of a file and from an offset in it.
///
/// # Safety
///
/// Flags are of those that leave the address to the kernel; the file is none, or (4).
unsafe fn map<K: far::Task + ?Sized>(
    task: &K,
    length: usize,
    access: ProtFlags,
    flags: usize,
    (fd, offset): (usize, usize),
    page_size: PageSize,
) -> Result<Mapping<K::AddressSpace>, Error> {
    let access = allowed(Call::MMAP, access)?;
    let too_long = Error::os(Call::MMAP, Errno::NOMEM);
    let length = length.checked_next_multiple_of(page_size.bytes()).ok_or(too_long)?;
    // SAFETY: (2), (3); by this function's contract.
    let address = unsafe { call(task, Call::MMAP, [0, length, access, flags, fd, offset]) }?;
    let near = pages(Call::MMAP, address, length, page_size)?;
    // SAFETY: (5)
    Ok(unsafe { Mapping::from_near(near, task.address_space()) })
}

/// Pages that `call` says to have mapped: never at 0, which only a filter answers.
fn pages<A>(
    call: Call,
    address: usize,
    length: usize,
    page_size: PageSize,
) -> Result<MemoryMapping<A>, Error> {
    let pages = MemoryMapping::new(Address::new(address), length, page_size);
    pages.filter(|_| address != 0).ok_or(Error::os(call, Errno::NOSYS))
}

/// A mapping to be given up, if it is the task's.
fn in_own<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    mapping: Mapping<K::AddressSpace>,
) -> Result<Mapping<K::AddressSpace>, MappingUnchanged<K::AddressSpace>> {
    match in_own_memory(task, call, Whose::Of(AsMapping::space(&mapping))) {
        Ok(()) => Ok(mapping),
        Err(error) => Err(MappingUnchanged::new(error, mapping)),
    }
}

/// A mapping that nobody unmaps if a call about it ends in a panic: who sees the call being answered may have
/// mapped other memory there.
fn without_owner<A>(mapping: Mapping<A>) -> ManuallyDrop<Mapping<A>> {
    ManuallyDrop::new(mapping)
}

/// Has `task` make a call about a mapping, with one argument more.
///
/// # Safety
///
/// The call changes nothing but these pages, and keeps them mapped.
unsafe fn on<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    mapping: &impl AsMapping<K::AddressSpace>,
    argument: usize,
) -> Result<(), Error> {
    in_own_memory(task, name, Whose::Of(mapping.space()))?;
    let pages = mapping.near_mapping();
    // SAFETY: (1); by this function's contract.
    unsafe { call(task, name, [pages.address().as_raw(), pages.length(), argument]) }.map(drop)
}

/// Allocates in the task's address space.
fn allocate<K: far::Task + ?Sized>(
    task: &K,
    size: usize,
    align: usize,
) -> Result<Allocation<K::AddressSpace>, Error> {
    Allocation::new(task.address_space().clone(), size, align, |length| {
        task.mmap_anonymous(length, ProtFlags::READ | ProtFlags::WRITE)
    })
}
