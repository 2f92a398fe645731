//! Calls on the calling thread, each with its twin in rustix, for `tests/instructions.rs` to compare
//! what they compile to.
//!
//! The twins do the same with the answer. The task comes last, where it does not push the other
//! arguments out of the registers that the kernel wants them in: once a call is inlined, the task is
//! not an argument at all.
//!
//! There is no `getpid`: rustix does not check the answer, while a nearfar task may be dead or under
//! a seccomp filter and has a `Result`. `getpgid` is a pid too, and has one in both.

#![expect(unsafe_code, reason = "unmangled names, which are found in the assembly")]
#![expect(clippy::missing_errors_doc, reason = "nobody calls these")]

use std::os::fd::OwnedFd;

use nearfar::interface::Local;
use nearfar::prelude::*;
use rustix::fs::SeekFrom;
use rustix::io::{self, Errno};

/// The calling thread.
pub type HostTask = Task<HostFds, HostMemory, HostPids, Local>;

macro_rules! calls {
    ($(
        fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty $body:block
    )+) => {$(
        #[doc = concat!("One of two twins: `", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub fn $name($($argument: $type),*) -> $answer $body
    )+};
}

calls! {
    fn nearfar_read(fd: &Fd<HostFds>, buffer: &mut [u8], task: &HostTask) -> usize {
        task.read(fd, buffer).unwrap_or(0)
    }
    fn rustix_read(fd: &OwnedFd, buffer: &mut [u8]) -> usize {
        io::read(fd, buffer).unwrap_or(0)
    }

    fn nearfar_write(fd: &Fd<HostFds>, buffer: &[u8], task: &HostTask) -> usize {
        task.write(fd, buffer).unwrap_or(0)
    }
    fn rustix_write(fd: &OwnedFd, buffer: &[u8]) -> usize {
        io::write(fd, buffer).unwrap_or(0)
    }

    fn nearfar_pread(fd: &Fd<HostFds>, buffer: &mut [u8], at: u64, task: &HostTask) -> usize {
        task.pread(fd, buffer, at).unwrap_or(0)
    }
    fn rustix_pread(fd: &OwnedFd, buffer: &mut [u8], at: u64) -> usize {
        io::pread(fd, buffer, at).unwrap_or(0)
    }

    fn nearfar_pwrite(fd: &Fd<HostFds>, buffer: &[u8], at: u64, task: &HostTask) -> usize {
        task.pwrite(fd, buffer, at).unwrap_or(0)
    }
    fn rustix_pwrite(fd: &OwnedFd, buffer: &[u8], at: u64) -> usize {
        io::pwrite(fd, buffer, at).unwrap_or(0)
    }

    fn nearfar_lseek(fd: &Fd<HostFds>, to: u64, task: &HostTask) -> u64 {
        task.lseek(fd, SeekFrom::Start(to)).unwrap_or(0)
    }
    fn rustix_lseek(fd: &OwnedFd, to: u64) -> u64 {
        rustix::fs::seek(fd, SeekFrom::Start(to)).unwrap_or(0)
    }

    fn nearfar_getpgid(task: &HostTask) -> i32 {
        task.getpgrp().ok().flatten().map_or(0, |group| group.as_raw())
    }
    fn rustix_getpgid() -> i32 {
        rustix::process::getpgid(None).map_or(0, |group| group.as_raw_nonzero().get())
    }

    // The error is passed on whole,
    fn nearfar_result(
        fd: &Fd<HostFds>, buffer: &mut [u8], task: &HostTask
    ) -> Result<usize, nearfar::Error> {
        task.read(fd, buffer)
    }
    fn rustix_result(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
        io::read(fd, buffer)
    }

    // or looked into,
    fn nearfar_errno(fd: &Fd<HostFds>, buffer: &mut [u8], task: &HostTask) -> isize {
        match task.read(fd, buffer) {
            Ok(length) => length as isize,
            Err(error) => -(error.raw_os_error().unwrap_or(0) as isize),
        }
    }
    fn rustix_errno(fd: &OwnedFd, buffer: &mut [u8]) -> isize {
        match io::read(fd, buffer) {
            Ok(length) => length as isize,
            Err(error) => -(error.raw_os_error() as isize),
        }
    }

    // or handled with `?` between two calls.
    fn nearfar_copy(
        from: &Fd<HostFds>, to: &Fd<HostFds>, buffer: &mut [u8], task: &HostTask
    ) -> Result<usize, nearfar::Error> {
        let length = task.read(from, buffer)?;
        task.write(to, &buffer[..length])
    }
    fn rustix_copy(from: &OwnedFd, to: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
        let length = io::read(from, &mut *buffer)?;
        io::write(to, &buffer[..length])
    }
}
