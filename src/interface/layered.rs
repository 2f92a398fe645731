//! An interface with somebody watching.
//!
//! # Safety
//!
//! 1. A call goes to the interface below unchanged, once, or not at all.
#![expect(unsafe_code, reason = "implements an unsafe trait")]

use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::io::Errno;

use super::{Call, Error, ProgramSignals, RemoteIoVec, Subject, SyscallInterface};

/// Watches the calls of a task, and may refuse them: for traces, policies and tests.
///
/// It sees each call just before it is sent and just after it is answered. It cannot change one: what
/// the call's arguments mean is between the task and the kernel. Addresses among them are of the task's
/// address space, and not to be looked at from here.
///
/// Who gives up an fd to a call does not get it back: a `close` that is refused leaves it open, and so
/// does a panic before a close. A panic after a call loses what the call has opened.
///
/// Calls that this program makes in the task's place are seen as well, by what they do to the task:
/// `process_vm_readv` and `process_vm_writev`, which read and write its memory, with the address and the
/// length of each range as arguments; `pidfd_getfd`, which copies an fd of it, with the fd's number.
///
/// A function that takes a call and its arguments is an observer, too:
///
/// ```
/// use nearfar::interface::Call;
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// let no_writing = |call: Call, _: &[usize]| match call {
///     Call::WRITE => Err(Errno::PERM),
///     _ => Ok(()),
/// };
/// let watched = here.layer(&no_writing);
/// let (reader, writer) = watched.pipe2(PipeFlags::empty())?;
/// assert_eq!(watched.write(&writer, b"x").unwrap_err().errno(), Some(Errno::PERM));
/// # let _ = reader;
/// # Ok(())
/// # }
/// ```
pub trait Observer {
    /// Before `call` is sent. An error is the answer, and it is not sent.
    ///
    /// # Errors
    ///
    /// Whatever the task is to get.
    fn before(&self, call: Call, arguments: &[usize]) -> Result<(), Errno>;

    /// After `call` has been answered, or refused by the layer below. Not after this one has refused it.
    fn after(&self, call: Call, arguments: &[usize], answer: &Result<usize, Error>) {
        let _ = (call, arguments, answer);
    }
}

impl<W: Fn(Call, &[usize]) -> Result<(), Errno>> Observer for W {
    fn before(&self, call: Call, arguments: &[usize]) -> Result<(), Errno> {
        self(call, arguments)
    }
}

/// Sends calls by way of an [`Observer`].
#[derive(Debug)]
pub struct Layered<'layer, I, O: ?Sized> {
    below: &'layer I,
    observer: &'layer O,
}

impl<'layer, I, O: Observer + ?Sized> Layered<'layer, I, O> {
    pub(crate) fn new(below: &'layer I, observer: &'layer O) -> Self {
        Layered { below, observer }
    }

    /// Has the observer see, or refuse, something that the interface below does.
    fn watch(
        &self,
        call: Call,
        arguments: &[usize],
        make: impl FnOnce(&I) -> Result<usize, Error>,
    ) -> Result<usize, Error> {
        self.observer.before(call, arguments).map_err(|errno| Error::os(call, errno))?;
        let answer = make(self.below);
        self.observer.after(call, arguments, &answer);
        answer
    }
}

fn as_arguments(ranges: &[RemoteIoVec]) -> Vec<usize> {
    ranges.iter().flat_map(|range| [range.address, range.length]).collect()
}

// SAFETY: (1), so the promises are kept by the interface below; a refusal is an error of kind `Os`, as
// (2) of the promises allows.
unsafe impl<I: SyscallInterface, O: Observer + ?Sized> SyscallInterface for Layered<'_, I, O> {
    unsafe fn syscall<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> Result<usize, Error> {
        self.watch(call, &arguments, |below| {
            // SAFETY: by this function's contract.
            unsafe { below.syscall(call, arguments) }
        })
    }

    fn lend<R>(&self, bytes: &[u8], call: impl FnOnce(usize) -> R) -> R {
        self.below.lend(bytes, call)
    }

    fn lend_mut<R>(&self, bytes: &mut [MaybeUninit<u8>], call: impl FnOnce(usize) -> R) -> R {
        self.below.lend_mut(bytes, call)
    }

    fn barrier(&self) -> Result<(), Error> {
        self.below.barrier()
    }

    unsafe fn read_memory(
        &self,
        from: &[RemoteIoVec],
        into: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Error> {
        self.watch(Call::PROCESS_VM_READV, &as_arguments(from), |below| {
            // SAFETY: by this function's contract.
            unsafe { below.read_memory(from, into) }
        })
    }

    unsafe fn write_memory(
        &self,
        from: &[IoSlice<'_>],
        to: &[RemoteIoVec],
    ) -> Result<usize, Error> {
        self.watch(Call::PROCESS_VM_WRITEV, &as_arguments(to), |below| {
            // SAFETY: by this function's contract.
            unsafe { below.write_memory(from, to) }
        })
    }

    unsafe fn copy_fd(&self, number: c_int) -> Result<OwnedFd, Error> {
        let mut copy = None;
        self.watch(Call::PIDFD_GETFD, &[number as usize], |below| {
            // SAFETY: by this function's contract.
            let fd = unsafe { below.copy_fd(number) }?;
            Ok(copy.insert(fd).as_raw_fd() as usize)
        })?;
        Ok(copy.expect("the call has not failed"))
    }

    fn program_signals(&self) -> Option<&ProgramSignals> {
        self.below.program_signals()
    }

    fn subject(&self) -> Subject<'_> {
        self.below.subject()
    }
}
