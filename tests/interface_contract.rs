//! The contract of `SyscallInterface`, promise by promise, for every implementation.

#![allow(unsafe_code, reason = "makes raw syscalls")]

mod common;

use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{deadline, until_blocked_in};
use nearfar::far;
use nearfar::interface::{Call, SyscallInterface};
use nearfar::prelude::*;
use rustix::io::Errno;

/// The suite. `pid` is the process that is to execute the calls.
fn keeps_its_promises<I: SyscallInterface>(interface: &I, pid: i32) {
    executes_once_and_always_in_the_same_process(interface, pid);
    answers_as_the_kernel_does(interface);
    passes_every_argument(interface, pid);
    lends_memory_both_ways(interface);
    has_carried_everything_out_after_a_barrier(interface);
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
fn ring_of_a_child_in_a_forked_childs_memory() {
    deadline(|| {
        brand!(child_memory);
        let child = Task::here().spawn_with_memory(child_memory).unwrap();
        let grandchild = child.spawn().unwrap();
        drop(child);
        keeps_its_promises(far::Task::interface(&grandchild), grandchild.pid().as_raw());
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
