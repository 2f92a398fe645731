//! What `getdents64` makes of entries that no kernel writes.

#![allow(unsafe_code, reason = "answers calls itself")]

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use nearfar::far::{AddressSpace, FdTable, PidNamespace};
use nearfar::interface::{Call, Local, RemoteIoVec, SyscallInterface};
use nearfar::near::Pid;
use nearfar::prelude::*;
use nearfar::task::DirectoryEntry;

/// The calling thread, but that `getdents64` writes what it is told to.
struct Liar {
    here: Task<HostFds, HostMemory, HostPids, Local>,
    entries: Vec<u8>,
}

// SAFETY: a call is executed by the calling thread, or by writing no more than the caller has lent.
unsafe impl SyscallInterface for Liar {
    unsafe fn syscall<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> Result<usize, nearfar::Error> {
        if call != Call::GETDENTS64 {
            // SAFETY: by this function's contract.
            return unsafe { self.here.interface().syscall(call, arguments) };
        }
        let length = self.entries.len();
        assert!(length <= arguments[2]);
        let to = std::ptr::with_exposed_provenance_mut(arguments[1]);
        // SAFETY: the caller has lent that many bytes.
        unsafe { std::ptr::copy_nonoverlapping(self.entries.as_ptr(), to, length) };
        Ok(length)
    }

    fn lend<R>(&self, bytes: &[u8], call: impl FnOnce(usize) -> R) -> R {
        self.here.interface().lend(bytes, call)
    }

    fn lend_mut<R>(&self, bytes: &mut [MaybeUninit<u8>], call: impl FnOnce(usize) -> R) -> R {
        self.here.interface().lend_mut(bytes, call)
    }

    fn barrier(&self) -> Result<(), nearfar::Error> {
        Ok(())
    }

    unsafe fn read_memory(
        &self,
        from: &[RemoteIoVec],
        into: &mut [IoSliceMut<'_>],
    ) -> Result<usize, nearfar::Error> {
        // SAFETY: by this function's contract.
        unsafe { self.here.interface().read_memory(from, into) }
    }

    unsafe fn write_memory(
        &self,
        from: &[IoSlice<'_>],
        to: &[RemoteIoVec],
    ) -> Result<usize, nearfar::Error> {
        // SAFETY: by this function's contract.
        unsafe { self.here.interface().write_memory(from, to) }
    }

    unsafe fn copy_fd(&self, number: i32) -> Result<OwnedFd, nearfar::Error> {
        // SAFETY: by this function's contract.
        unsafe { self.here.interface().copy_fd(number) }
    }
}

// SAFETY: it is the task it wraps.
unsafe impl far::Task for Liar {
    type FdTable = HostFds;
    type AddressSpace = HostMemory;
    type PidNamespace = HostPids;
    type ChildPidNamespace = HostPids;
    type Interface = Self;

    fn interface(&self) -> &Self {
        self
    }

    fn fd_table(&self) -> &FdTable<HostFds> {
        self.here.fd_table()
    }

    fn address_space(&self) -> &AddressSpace<HostMemory> {
        self.here.address_space()
    }

    fn pid_namespace(&self) -> &PidNamespace<HostPids> {
        self.here.pid_namespace()
    }

    fn child_pid_namespace(&self) -> &PidNamespace<HostPids> {
        self.here.child_pid_namespace()
    }

    fn pid(&self) -> Pid<HostPids> {
        self.here.pid()
    }
}

/// As many entries as the iterator gives of these bytes.
fn list(entries: &[u8], most: usize) -> Vec<Result<DirectoryEntry, nearfar::Error>> {
    let liar = Liar { here: Task::here(), entries: entries.to_owned() };
    let root = liar.openat(Cwd, "/", OFlags::PATH, Mode::empty()).unwrap();
    liar.getdents64(&root).take(most).collect()
}

/// An entry as the kernel writes it, with a length of its own.
fn entry(name: &[u8], length: u16) -> Vec<u8> {
    let numbers = [7_u64.to_ne_bytes(), 9_u64.to_ne_bytes()].concat();
    [numbers, length.to_ne_bytes().to_vec(), vec![libc::DT_REG], name.to_owned()].concat()
}

#[test]
fn entries_are_read_one_after_the_other() {
    let whole =
        [entry(b"first\0\0\0\xff\xff\xff\xff\xff", 32), entry(b"\xff\0\0\0\0", 24)].concat();
    let entries: Vec<_> = list(&whole, 2).into_iter().map(Result::unwrap).collect();
    assert_eq!(entries[0].name, "first");
    assert_eq!(entries[1].name.as_encoded_bytes(), b"\xff");
    for entry in entries {
        assert_eq!((entry.inode, entry.offset, entry.kind), (7, 9, FileType::RegularFile));
    }
    assert!(list(b"", 1).is_empty());
}

#[test]
fn what_is_not_an_entry_is_an_error_and_the_end() {
    for broken in [
        b"x".to_vec(),
        vec![0; 18],
        // No length, none that goes beyond the name's beginning, more than there is.
        entry(b"name\0", 0),
        entry(b"name\0", 18),
        entry(b"name\0", 19),
        entry(b"name\0", 25),
        entry(b"name\0", u16::MAX),
        // A name without an end, or with one outside of the entry.
        entry(b"name!", 24),
        entry(b"name\0", 23),
    ] {
        let found = list(&broken, 3);
        assert_eq!(found.len(), 1, "{broken:?}");
        assert_eq!(found[0].as_ref().unwrap_err().errno(), Some(Errno::IO), "{broken:?}");
        let after_another = [entry(b"good\0", 24), broken].concat();
        let found = list(&after_another, 4);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].as_ref().unwrap().name, "good");
        assert_eq!(found[1].as_ref().unwrap_err().errno(), Some(Errno::IO));
    }
}
