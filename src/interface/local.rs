//! The calling thread.
//!
//! # Safety
//!
//! 1. The `syscall` instruction clobbers `rcx` and `r11` and returns in `rax` (x86-64 ABI, A.2.1);
//!    it may read and write memory, so the assembly is not declared `nomem`.
#![expect(unsafe_code, reason = "makes the syscalls")]

use std::arch::asm;
use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::{Call, Error, RemoteIoVec, Subject, SyscallInterface, memory};

/// Makes syscalls on the calling thread, inline.
#[derive(Debug)]
pub struct Local {
    thread: PhantomData<*const CallTaskHereInTheOtherThread>,
}

/// Never a value: its name is what the compiler says to someone who moves a local task to another
/// thread.
#[derive(Debug)]
pub(crate) struct CallTaskHereInTheOtherThread;

impl Local {
    pub(crate) const fn new() -> Self {
        Local { thread: PhantomData }
    }
}

/// The kernel's answers from `-MAX_ERRNO` to -1 are errors.
pub(super) const MAX_ERRNO: usize = 4095;

/// Turns what the `syscall` instruction returned into a `Result`.
#[inline(always)]
pub(super) fn answer(call: Call, returned: usize) -> Result<usize, Error> {
    if returned >= MAX_ERRNO.wrapping_neg() {
        Err(Error::returned(call, returned))
    } else {
        Ok(returned)
    }
}

/// Whether a filter is in force in the calling thread, which its children have as well. If nobody says that there is
/// none, there may be one.
pub(crate) fn is_filtered() -> bool {
    // SAFETY: passes numbers, and changes nothing.
    let mode = unsafe { Local::new().syscall(Call::PRCTL, [libc::PR_GET_SECCOMP as usize, 0]) };
    match mode {
        Ok(mode) => mode != 0,
        // A kernel without filters.
        Err(error) => error.errno() != Some(Errno::INVAL),
    }
}

// SAFETY: the calling thread executes the call itself, once, before `syscall` returns, so nothing is left of it then
// (promises 1, 3, 4, 6); what the kernel returns is the answer (2). It finds its own memory where it is (5),
// reads and writes it as its own (7), and copies fds as close-on-exec, above 2 (8).
unsafe impl SyscallInterface for Local {
    #[inline(always)]
    unsafe fn syscall<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> Result<usize, Error> {
        const { assert!(N <= 6, "no syscall has more than six arguments") };
        macro_rules! syscall {
            ($($register:tt $index:literal),*) => {{
                let returned;
                // SAFETY: (1); the call itself is sound by this function's contract.
                unsafe {
                    asm!(
                        "syscall",
                        inlateout("rax") call.number() => returned,
                        $(in($register) arguments[$index],)*
                        lateout("rcx") _,
                        lateout("r11") _,
                        options(nostack, preserves_flags),
                    );
                }
                answer(call, returned)
            }};
        }
        // Only as many registers are loaded as the call has arguments.
        match N {
            0 => syscall!(),
            1 => syscall!("rdi" 0),
            2 => syscall!("rdi" 0, "rsi" 1),
            3 => syscall!("rdi" 0, "rsi" 1, "rdx" 2),
            4 => syscall!("rdi" 0, "rsi" 1, "rdx" 2, "r10" 3),
            5 => syscall!("rdi" 0, "rsi" 1, "rdx" 2, "r10" 3, "r8" 4),
            _ => syscall!("rdi" 0, "rsi" 1, "rdx" 2, "r10" 3, "r8" 4, "r9" 5),
        }
    }

    #[inline(always)]
    fn lend<R>(&self, bytes: &[u8], call: impl FnOnce(usize) -> R) -> R {
        call(bytes.as_ptr().expose_provenance())
    }

    #[inline(always)]
    fn lend_mut<R>(&self, bytes: &mut [MaybeUninit<u8>], call: impl FnOnce(usize) -> R) -> R {
        call(bytes.as_mut_ptr().expose_provenance())
    }

    fn barrier(&self) -> Result<(), Error> {
        Ok(())
    }

    #[inline]
    fn subject(&self) -> Subject<'_> {
        Subject::THIS_THREAD
    }

    unsafe fn read_memory(
        &self,
        from: &[RemoteIoVec],
        into: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Error> {
        // SAFETY: by this function's contract.
        unsafe { memory::read_own(from, into) }
    }

    unsafe fn write_memory(
        &self,
        from: &[IoSlice<'_>],
        to: &[RemoteIoVec],
    ) -> Result<usize, Error> {
        // SAFETY: by this function's contract.
        unsafe { memory::write_own(from, to) }
    }

    unsafe fn copy_fd(&self, number: c_int) -> Result<OwnedFd, Error> {
        // SAFETY: by this function's contract.
        unsafe { memory::copy_own_fd(number) }
    }
}
