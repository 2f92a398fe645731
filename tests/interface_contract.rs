//! The contract of `SyscallInterface`, promise by promise, for every implementation.

#![allow(unsafe_code, reason = "makes raw syscalls")]

mod common;

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{deadline, until_blocked_in};
use nearfar::far;
use nearfar::interface::{Call, RemoteIoVec, SyscallInterface};
use nearfar::prelude::*;
use rustix::io::Errno;

/// The suite. `pid` is the process that is to execute the calls.
fn keeps_its_promises<I: SyscallInterface>(interface: &I, pid: i32) {
    executes_once_and_always_in_the_same_process(interface, pid);
    answers_as_the_kernel_does(interface);
    passes_every_argument(interface, pid);
    lends_memory_both_ways(interface);
    has_carried_everything_out_after_a_barrier(interface);
    copies_memory_up_to_where_it_ends(interface);
    reports_how_much_of_many_ranges_was_copied(interface);
    copies_fds(interface, pid);
}

/// Promise 1.
fn executes_once_and_always_in_the_same_process(interface: &impl SyscallInterface, pid: i32) {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::NONBLOCK).unwrap();
    let number = writer.near().as_raw() as usize;
    for round in 0..200 {
        let byte = [round as u8];
        // SAFETY: no arguments.
        assert_eq!(unsafe { interface.syscall(Call::GETPID, []) }, Ok(pid as usize));
        let written = interface.lend(&byte, |address| {
            // SAFETY: the fd is open in this table, the byte is lent.
            unsafe { interface.syscall(Call::WRITE, [number, address, 1]) }
        });
        assert_eq!(written, Ok(1));
        let mut read = [0; 2];
        assert_eq!(here.read(&reader, &mut read), Ok(1));
        assert_eq!(read[0], byte[0]);
    }
}

/// Promise 2.
fn answers_as_the_kernel_does(interface: &impl SyscallInterface) {
    // SAFETY: there is no such fd.
    let error = unsafe { interface.syscall(Call::CLOSE, [usize::MAX]) }.unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::CLOSE, Some(Errno::BADF)));
    // SAFETY: the kernel refuses the address.
    let error = unsafe { interface.syscall(Call::PIPE2, [1, 0]) }.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::FAULT));
}

fn passes_every_argument(interface: &impl SyscallInterface, pid: i32) {
    let page = 4096;
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE) as usize;
    let file = rustix::fs::memfd_create("mapped", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::io::pwrite(&file, b"second page", page as u64).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file) as usize;
    // SAFETY: a new mapping at an address the kernel chooses.
    let address = unsafe { interface.syscall(Call::MMAP, [0, page, access, flags, fd, page]) };
    let address = address.unwrap();
    let mut bytes = [0; 11];
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    memory.read_exact_at(&mut bytes, address as u64).unwrap();
    assert_eq!(&bytes, b"second page");
    // SAFETY: this test's own mapping, not used any more.
    assert_eq!(unsafe { interface.syscall(Call::MUNMAP, [address, page]) }, Ok(0));
}

/// Promise 5.
fn lends_memory_both_ways(interface: &impl SyscallInterface) {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let [reader, writer] = [&reader, &writer].map(|end| end.near().as_raw() as usize);
    let sent = *b"lent";
    let mut calls = 0;
    let written = interface.lend(&sent, |address| {
        calls += 1;
        // SAFETY: the bytes are lent for the call.
        unsafe { interface.syscall(Call::WRITE, [writer, address, sent.len()]) }
    });
    let mut received = [MaybeUninit::new(0); 8];
    let read = interface.lend_mut(&mut received, |address| {
        calls += 1;
        // SAFETY: the bytes are lent for the call.
        unsafe { interface.syscall(Call::READ, [reader, address, 8]) }
    });
    assert_eq!((written, read, calls), (Ok(4), Ok(4), 2));
    // SAFETY: initialised from the start.
    let received = received.map(|byte| unsafe { byte.assume_init() });
    assert_eq!(&received[..4], &sent);
}

/// Promise 6.
fn has_carried_everything_out_after_a_barrier(interface: &impl SyscallInterface) {
    interface.barrier().unwrap();
}

/// Three pages, of which the second is gone, mapped by the process itself.
struct AroundAHole(usize);

impl AroundAHole {
    const PAGE: usize = 4096;

    fn new(interface: &impl SyscallInterface) -> Self {
        let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
        let map = [0, 3 * Self::PAGE, access, flags, usize::MAX, 0];
        // SAFETY: a new mapping at an address the kernel chooses.
        let start = unsafe { interface.syscall(Call::MMAP, map) }.unwrap();
        // The pages stay the test's own: not to be read is as good as not to be there.
        let hole = [start + Self::PAGE, Self::PAGE, libc::PROT_NONE as usize];
        // SAFETY: the mapping is not used by anybody else.
        unsafe { interface.syscall(Call::MPROTECT, hole) }.unwrap();
        AroundAHole(start)
    }

    fn range(&self, start: usize, length: usize) -> RemoteIoVec {
        RemoteIoVec { address: self.0 + start, length }
    }

    fn unmap(self, interface: &impl SyscallInterface) {
        // SAFETY: nobody else uses it.
        unsafe { interface.syscall(Call::MUNMAP, [self.0, 3 * Self::PAGE]) }.unwrap();
    }
}

/// Promise 7.
fn copies_memory_up_to_where_it_ends(interface: &impl SyscallInterface) {
    const PAGE: usize = AroundAHole::PAGE;
    let pages = AroundAHole::new(interface);
    let write = |from: &[&[u8]], to: &[RemoteIoVec]| {
        let from: Vec<_> = from.iter().map(|bytes| IoSlice::new(bytes)).collect();
        // SAFETY: the test's own pages.
        unsafe { interface.write_memory(&from, to) }
    };
    let read = |from: &[RemoteIoVec], length| {
        let mut bytes = vec![0xEE; length];
        let (first, second) = bytes.split_at_mut(length / 3);
        let mut into = [IoSliceMut::new(first), IoSliceMut::new(second)];
        // SAFETY: the test's own pages.
        unsafe { interface.read_memory(from, &mut into) }.map(|copied| (copied, bytes))
    };
    // Gathered and scattered, in order.
    let to = [pages.range(2 * PAGE, 2), pages.range(10, 6)];
    assert_eq!(write(&[b"abc", b"", b"defgh"], &to), Ok(8));
    let (copied, bytes) = read(&[pages.range(10, 6), pages.range(2 * PAGE, 2)], 8).unwrap();
    assert_eq!((copied, &bytes[..]), (8, &b"cdefghab"[..]));
    // The shorter side is the end.
    assert_eq!(write(&[b"xyz"], &[pages.range(100, 2)]), Ok(2));
    assert_eq!(read(&[pages.range(100, 4)], 3).unwrap(), (3, b"xy\0".to_vec()));
    assert_eq!(write(&[], &[pages.range(0, 1)]), Ok(0));
    // Into the hole, and no byte beyond it.
    let end = vec![7; 20];
    assert_eq!(write(&[&end], &[pages.range(PAGE - 5, 20)]), Ok(5));
    let (copied, bytes) = read(&[pages.range(PAGE - 7, 20)], 20).unwrap();
    assert_eq!(copied, 7);
    assert_eq!(bytes[..7], [0, 0, 7, 7, 7, 7, 7]);
    assert!(bytes[7..].iter().all(|byte| *byte == 0xEE));
    let split = [pages.range(0, 3), pages.range(PAGE, 3), pages.range(2 * PAGE, 3)];
    assert_eq!(read(&split, 9).unwrap().0, 3);
    assert_eq!(write(&[&end], &split), Ok(3));
    // Already the first byte is in it.
    let error = read(&split[1..], 9).unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::PROCESS_VM_READV, Some(Errno::FAULT)));
    let error = write(&[&end], &split[1..]).unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::PROCESS_VM_WRITEV, Some(Errno::FAULT)));
    // What may only be read is not written to.
    let read_only = [pages.0, PAGE, libc::PROT_READ as usize];
    // SAFETY: the test's own page.
    unsafe { interface.syscall(Call::MPROTECT, read_only) }.unwrap();
    assert_eq!(write(&[b"x"], &split).unwrap_err().errno(), Some(Errno::FAULT));
    assert_eq!(read(&split, 9).unwrap().0, 3);
    pages.unmap(interface);
}

/// Promise 7, for more ranges than the kernel takes at once.
fn reports_how_much_of_many_ranges_was_copied(interface: &impl SyscallInterface) {
    const PAGE: usize = AroundAHole::PAGE;
    let pages = AroundAHole::new(interface);
    let content: Vec<u8> = (0..PAGE).map(|index| (index % 251) as u8).collect();
    let pieces: Vec<_> = content.chunks(3).map(IoSlice::new).collect();
    assert!(pieces.len() > 1024);
    let bytewise: Vec<_> = (0..PAGE + 10).map(|index| pages.range(index, 1)).collect();
    // SAFETY: the test's own pages.
    assert_eq!(unsafe { interface.write_memory(&pieces, &bytewise[..2500]) }, Ok(2500));
    // SAFETY: as above.
    assert_eq!(unsafe { interface.write_memory(&pieces, &bytewise) }, Ok(PAGE));
    let mut seen = vec![0; PAGE + 10];
    let mut into: Vec<_> = seen.chunks_mut(2).map(IoSliceMut::new).collect();
    // SAFETY: as above.
    assert_eq!(unsafe { interface.read_memory(&bytewise, &mut into) }, Ok(PAGE));
    assert_eq!(seen[..PAGE], content);
    // More that are empty than the kernel takes at once.
    let (empty, some) = (IoSlice::new(b""), IoSlice::new(b"some"));
    let pieces: Vec<_> = std::iter::repeat_n(empty, 2000).chain([some]).collect();
    let ranges: Vec<_> =
        (0..2004).map(|index| pages.range(100, usize::from(index > 1999))).collect();
    // SAFETY: as above.
    assert_eq!(unsafe { interface.write_memory(&pieces, &ranges) }, Ok(4));
    let mut last = [0];
    // SAFETY: as above.
    let read =
        unsafe { interface.read_memory(&[pages.range(100, 1)], &mut [IoSliceMut::new(&mut last)]) };
    assert_eq!((read, last), (Ok(1), *b"e"));
    pages.unmap(interface);
}

/// Promise 8.
fn copies_fds(interface: &impl SyscallInterface, pid: i32) {
    // SAFETY: the name is a string, and the answer a new fd.
    let made = unsafe { interface.syscall(Call::MEMFD_CREATE, [c"file".as_ptr() as usize, 0]) };
    let number = made.unwrap() as i32;
    // SAFETY: just opened, and the test's own.
    let copy = unsafe { interface.copy_fd(number) }.unwrap();
    let here = std::process::id();
    assert!(common::same_open_file((pid, number), (here, copy.as_raw_fd())));
    assert!(copy.as_raw_fd() > 2);
    assert!(common::number_is_close_on_exec(here, copy.as_raw_fd()));
    // SAFETY: the test's own, and not used any more.
    unsafe { interface.syscall(Call::CLOSE, [number as usize]) }.unwrap();
    // SAFETY: there is no such fd.
    let error = unsafe { interface.copy_fd(i32::MAX) }.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::BADF));
}

#[test]
fn local() {
    deadline(|| {
        let here = Task::here();
        keeps_its_promises(far::Task::interface(&here), std::process::id() as i32);
    });
}

#[test]
fn ring() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        keeps_its_promises(far::Task::interface(&child), child.pid().as_raw());
    });
}

#[test]
fn ring_of_a_grandchild() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let grandchild = child.spawn().unwrap();
        drop(child);
        keeps_its_promises(far::Task::interface(&grandchild), grandchild.pid().as_raw());
    });
}

#[test]
fn ring_of_a_forked_child() {
    deadline(|| {
        brand!(child_memory);
        let child = Task::here().spawn_with_memory(child_memory).unwrap();
        keeps_its_promises(far::Task::interface(&child), child.pid().as_raw());
    });
}

#[test]
fn ring_in_a_table_of_its_own() {
    deadline(|| {
        brand!(private_fds);
        let child = Task::here().spawn().unwrap();
        let (child, ()) = child.unshare_files(private_fds, ()).unwrap();
        let (interface, pid) = (far::Task::interface(&child), child.host_pid().as_raw());
        answers_as_the_kernel_does(interface);
        copies_memory_up_to_where_it_ends(interface);
        copies_fds(interface, pid);
    });
}

#[test]
fn ring_of_a_child_in_a_forked_childs_memory() {
    deadline(|| {
        brand!(child_memory);
        let child = Task::here().spawn_with_memory(child_memory).unwrap();
        let grandchild = child.spawn().unwrap();
        drop(child);
        keeps_its_promises(far::Task::interface(&grandchild), grandchild.pid().as_raw());
    });
}

#[test]
fn layered() {
    deadline(|| {
        let nothing_refused = |_: Call, _: &[usize]| Ok(());
        let child = Task::here().spawn().unwrap();
        let watched = child.layer(&nothing_refused);
        keeps_its_promises(far::Task::interface(&watched), child.pid().as_raw());
    });
}

/// Promise 7, of a process that is gone.
#[test]
fn the_memory_of_a_dead_child_is_not_copied() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let byte = 1;
        let range = RemoteIoVec { address: &raw const byte as usize, length: 1 };
        let interface = far::Task::interface(&child);
        common::stop(child.host_pid());
        let mut seen = [0];
        // SAFETY: the test's own byte.
        let read = unsafe { interface.read_memory(&[range], &mut [IoSliceMut::new(&mut seen)]) };
        assert_eq!((read, seen), (Ok(1), [1]));
        child.killer().kill().unwrap();
        common::until("dead", || common::is_dead(child.host_pid()));
        // SAFETY: as above.
        let read = unsafe { interface.read_memory(&[range], &mut [IoSliceMut::new(&mut seen)]) };
        // SAFETY: nothing is written, as the following looks at.
        let write = unsafe { interface.write_memory(&[IoSlice::new(&[2])], &[range]) };
        for (error, call) in [(read, Call::PROCESS_VM_READV), (write, Call::PROCESS_VM_WRITEV)] {
            let error = error.unwrap_err();
            assert_eq!((error.call(), error.kind()), (call, nearfar::ErrorKind::NotSent));
        }
        assert_eq!(byte, 1);
    });
}

/// Promises 3 and 4, which need a process that dies.
#[test]
fn a_ring_whose_child_dies_writes_nothing_afterwards() {
    deadline(|| {
        let here = Task::here();
        for _ in 0..50 {
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            let child = here.spawn().unwrap();
            let (pid, killer) = (child.pid(), child.killer());
            let returned = AtomicBool::new(false);
            let mut buffer = vec![0xAA_u8; 1 << 16];
            thread::scope(|scope| {
                scope.spawn(|| {
                    until_blocked_in(pid, libc::SYS_read);
                    killer.kill().unwrap();
                    // Arrives about when the reader dies.
                    here_writes(&writer);
                    while !returned.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                });
                let answer = child.read(&reader, &mut buffer);
                let seen = buffer.clone();
                if let Err(error) = answer {
                    assert_eq!(error.call(), Call::READ);
                    let error = child.getpid().unwrap_err();
                    assert_eq!(error.kind(), nearfar::ErrorKind::NotSent);
                }
                drop(child);
                assert_eq!(buffer, seen);
                returned.store(true, Ordering::Release);
            });
        }
    });
}

fn here_writes(writer: &Fd<HostFds>) {
    Task::here().write(writer, &[0x55_u8; 4096]).unwrap();
}
