//! Listing a directory.
//!
//! # Safety
//!
//! 1. The fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. The address in a call is lent, with its length; the kernel does not keep it after the call.
#![expect(unsafe_code, reason = "a syscall")]

use std::ffi::{CStr, OsStr, OsString};
use std::fmt;
use std::mem::offset_of;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error};

use super::super::arguments::{call, near, with_bytes_out};

/// One name in a directory: what [`getdents64`](super::DirectoryTask::getdents64) finds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectoryEntry {
    /// The name, without a `/`.
    pub name: OsString,
    /// The number of the file's inode; what is mounted on the name may have another one.
    pub inode: u64,
    /// What kind of file it is; [`FileType::Unknown`] if the file system does not tell here.
    pub kind: FileType,
    /// The offset to `lseek` to, for what comes after this entry. It counts nothing.
    pub offset: u64,
}

/// What is in a directory: returned by [`getdents64`](super::DirectoryTask::getdents64).
#[must_use = "the task is asked only when an entry is"]
pub struct DirectoryEntries<'task, K: ?Sized, D> {
    task: &'task K,
    directory: D,
    /// Entries as the kernel has written them.
    batch: Vec<u8>,
    /// Where in the batch the next one begins.
    next: usize,
    ended: bool,
}

/// How many bytes of entries to ask for.
const BATCH: usize = 32 * 1024;

impl<'task, K: far::Task + ?Sized, D: AsFd<K::FdTable>> DirectoryEntries<'task, K, D> {
    pub(super) fn new(task: &'task K, directory: D) -> Self {
        DirectoryEntries { task, directory, batch: Vec::new(), next: 0, ended: false }
    }

    /// Asks for the next batch, which is empty at the end of the directory.
    fn refill(&mut self) -> Result<(), Error> {
        let (task, directory) = (self.task, near(self.task, Call::GETDENTS64, &self.directory)?);
        self.next = 0;
        let read = |address| {
            // SAFETY: (1), (2)
            unsafe { call(task, Call::GETDENTS64, [directory, address, BATCH]) }
        };
        with_bytes_out(task, Call::GETDENTS64, &mut self.batch, BATCH, read)
    }

    fn try_next(&mut self) -> Result<Option<DirectoryEntry>, Error> {
        if self.next == self.batch.len() {
            self.refill()?;
            if self.batch.is_empty() {
                return Ok(None);
            }
        }
        let (entry, length) =
            parse(&self.batch[self.next..]).ok_or(Error::os(Call::GETDENTS64, Errno::IO))?;
        self.next += length;
        Ok(Some(entry))
    }
}

impl<K: far::Task + ?Sized, D: AsFd<K::FdTable>> Iterator for DirectoryEntries<'_, K, D> {
    type Item = Result<DirectoryEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.try_next();
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl<K: far::Task + ?Sized, D: AsFd<K::FdTable>> std::iter::FusedIterator
    for DirectoryEntries<'_, K, D>
{
}

impl<K: ?Sized, D: fmt::Debug> fmt::Debug for DirectoryEntries<'_, K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryEntries")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// The first of these entries, and how many bytes it takes; `None` if they are not what the kernel
/// writes: `struct linux_dirent64`, its name ended by a NUL byte.
fn parse(entries: &[u8]) -> Option<(DirectoryEntry, usize)> {
    const LENGTH: usize = offset_of!(libc::dirent64, d_reclen);
    const KIND: usize = offset_of!(libc::dirent64, d_type);
    const NAME: usize = offset_of!(libc::dirent64, d_name);
    const _: () = {
        assert!(offset_of!(libc::dirent64, d_ino) == 0);
        assert!(offset_of!(libc::dirent64, d_off) == 8);
        assert!(LENGTH == 16 && KIND == 18 && NAME == 19);
    };
    let length = u16::from_ne_bytes(*entries.get(LENGTH..)?.first_chunk()?).into();
    let entry = entries.get(..length)?;
    let kind = u32::from(*entry.get(KIND)?) << 12;
    let name = CStr::from_bytes_until_nul(entry.get(NAME..)?).ok()?;
    let entry = DirectoryEntry {
        name: OsStr::from_bytes(name.to_bytes()).to_owned(),
        inode: u64::from_ne_bytes(*entry.first_chunk()?),
        // The kinds in a file's mode, without the 12 bits of its permissions.
        kind: FileType::from_raw_mode(kind),
        offset: u64::from_ne_bytes(*entry.get(8..)?.first_chunk()?),
    };
    Some((entry, length))
}
