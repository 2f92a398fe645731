//! Interfaces: how a raw syscall gets to the process that makes it.
//!
//! An interface knows nothing of namespaces; keeping a call's numbers and its task together is the
//! business of [`task`](crate::task). There are three: [`Local`] makes the call on the calling
//! thread, [`Ring`] has a child process make it, and [`Layered`] lets an [`Observer`] see what goes to
//! another one.

mod call;
mod deferred;
mod error;
mod forked_memory;
pub(crate) mod futex;
mod generation;
mod graveyard;
mod hidden_memory;
pub(crate) mod init;
mod layered;
mod local;
mod lookout;
mod memory;
mod offspring;
mod page;
mod poll;
mod process;
pub(crate) mod procfs;
mod program_signals;
mod residents;
mod ring;
mod robust_list;
mod server;
mod shared_memory;
mod subject;

use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

pub use call::Call;
pub use error::{Error, ErrorKind};
pub use layered::{Layered, Observer};
pub use local::Local;
pub(crate) use local::is_filtered;
pub use memory::RemoteIoVec;
#[doc(hidden)]
pub use program_signals::ProgramSignals;
pub use ring::Ring;
#[doc(hidden)]
pub use subject::Subject;

pub(crate) use deferred::DeferredCalls;
pub(crate) use forked_memory::{ForkedMemory, Lent};
pub(crate) use generation::Generation;
pub(crate) use graveyard::bury_process;
pub(crate) use memory::LOWEST;
pub(crate) use poll::poll_until;
#[cfg(feature = "tokio")]
pub(crate) use process::LATER;
pub(crate) use process::{MOURNING, OpenNamespace, Process, own_pid};
pub(crate) use residents::Residents;
pub(crate) use ring::{Answers, Birth, Failed, ParentOfProgram, Request};
pub(crate) use robust_list::{ROBUST_LIST_LIMIT, RobustWords};
pub(crate) use server::{DEATH_SIGNAL_AS_IT_IS, KernelSigaction, SIGSET_SIZE};
pub(crate) use shared_memory::Arenas;
pub(crate) use subject::Whom;

use hidden_memory::HiddenMemory;

/// One of several calls that are made together: [`SyscallInterface::syscalls`].
#[derive(Clone, Copy, Debug)]
pub struct Batched {
    /// The call.
    pub call: Call,
    /// Its arguments; those that it does not have are not looked at.
    pub arguments: [usize; 6],
    /// What the process has answered, once it has been asked.
    pub answer: Result<usize, Error>,
}

/// Sends raw syscalls to one process.
///
/// # Safety
///
/// Callers build memory safety on what an implementation does. It promises:
///
/// 1. [`syscall`](Self::syscall) has one process execute exactly the given call, at most once, and
///    always the same process; [`syscalls`](Self::syscalls) likewise, each call. What follows holds for both.
/// 2. `Ok` and an error of kind [`ErrorKind::Os`] are the kernel's own answer to that call; or it was
///    an [`Observer`] that refused it, and the call was not executed.
/// 3. [`ErrorKind::NotSent`] is returned only if the call was and will not be executed.
/// 4. Once `syscall` has returned, in whatever way, that process does not write to the memory of
///    the arguments on account of this call any more.
/// 5. [`lend`](Self::lend) and [`lend_mut`](Self::lend_mut) run their closure exactly once, with an
///    address at which the process finds the bytes while it runs; what the process has written
///    there, if it was lent mutably, is in them afterwards.
/// 6. After [`barrier`](Self::barrier), everything sent before it has been carried out.
/// 7. [`read_memory`](Self::read_memory) and [`write_memory`](Self::write_memory) copy between this
///    program's buffers and the memory of the process that executes the calls, never another's. They go
///    from the first byte on, in order, and return how many bytes they have copied: those, and no others.
///    They stop where something is not mapped or may not be accessed, and at the end of the shorter
///    side; it is an error only if that is before the first byte. No signal arises from it.
/// 8. [`copy_fd`](Self::copy_fd) returns an fd of the very open file that the number names in the
///    process's table: new, in this program's table, close-on-exec, and not 0, 1 or 2.
#[expect(unsafe_code, reason = "declares an unsafe trait")]
pub unsafe trait SyscallInterface {
    /// Has the process execute `call` and waits for the answer.
    ///
    /// # Safety
    ///
    /// The call must be sound in the process it goes to: addresses in `arguments` are valid there
    /// for what the kernel does with them, also after the call if it keeps them, and the call
    /// changes nothing that a live handle, task or this interface relies on.
    ///
    /// # Errors
    ///
    /// The kernel's, or that the process is gone.
    unsafe fn syscall<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> Result<usize, Error>;

    /// Has the process execute several calls in order, each whatever comes of the others, and waits for the
    /// answers, which are put beside them.
    ///
    /// # Safety
    ///
    /// As [`syscall`](Self::syscall), for each of them.
    unsafe fn syscalls(&self, calls: &mut [Batched]) {
        for batched in calls {
            // SAFETY: by this function's contract.
            batched.answer = unsafe { self.syscall(batched.call, batched.arguments) };
        }
    }

    /// Makes `bytes` available in the process's memory while `call` runs: at the address it is given.
    fn lend<R>(&self, bytes: &[u8], call: impl FnOnce(usize) -> R) -> R;

    /// As [`lend`](Self::lend), for the process to write to.
    fn lend_mut<R>(&self, bytes: &mut [MaybeUninit<u8>], call: impl FnOnce(usize) -> R) -> R;

    /// Waits until everything sent so far has been carried out, the posted closes too.
    ///
    /// # Errors
    ///
    /// That the process is gone.
    fn barrier(&self) -> Result<(), Error>;

    /// Copies what is in `from`, one range after the other, in the process's memory, `into` one buffer of
    /// this program after the other. It is this program that makes the calls, so that it also works while
    /// the process is stopped.
    ///
    /// # Safety
    ///
    /// Who owns the memory in these ranges agrees to its being read, as bytes that may have any value.
    ///
    /// # Errors
    ///
    /// `EFAULT` if already the first byte cannot be read, `EPERM` if this program may not look into the
    /// process; that the process is gone.
    unsafe fn read_memory(
        &self,
        from: &[RemoteIoVec],
        into: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Error>;

    /// Copies what is in `from`, one buffer of this program after the other, `to` one range after the
    /// other in the process's memory. What the process itself may not write to, this does not either.
    ///
    /// # Safety
    ///
    /// Who owns the memory in these ranges agrees to its being overwritten with these bytes.
    ///
    /// # Errors
    ///
    /// As [`read_memory`](Self::read_memory). After a [`Hangup`](ErrorKind::Hangup) it is not known how
    /// much has been written.
    unsafe fn write_memory(&self, from: &[IoSlice<'_>], to: &[RemoteIoVec])
    -> Result<usize, Error>;

    /// A copy, in this program's fd table, of the fd that has this number in the process's.
    ///
    /// # Safety
    ///
    /// The slot is open, and its owner agrees to there being a copy.
    ///
    /// # Errors
    ///
    /// `EPERM` if this program may not look into the process, `EMFILE`; that the process is gone.
    unsafe fn copy_fd(&self, number: c_int) -> Result<OwnedFd, Error>;

    /// What the process hands over to the program it becomes in place of its own signal mask: `None` if
    /// its own is what counts.
    #[doc(hidden)]
    fn program_signals(&self) -> Option<&ProgramSignals> {
        None
    }

    /// Whom it sends to, as far as this process knows.
    #[doc(hidden)]
    fn subject(&self) -> Subject<'_> {
        Subject::UNKNOWN
    }
}
