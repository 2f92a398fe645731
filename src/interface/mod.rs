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
mod futex;
mod generation;
mod graveyard;
mod hidden_memory;
mod layered;
mod local;
mod page;
mod poll;
mod process;
mod program_signals;
mod residents;
mod ring;
mod robust_list;
mod server;
mod shared_memory;
mod subject;

use std::mem::MaybeUninit;

pub use call::Call;
pub use error::{Error, ErrorKind};
pub use layered::{Layered, Observer};
pub use local::Local;
#[doc(hidden)]
pub use program_signals::ProgramSignals;
pub use ring::Ring;
#[doc(hidden)]
pub use subject::Subject;

pub(crate) use deferred::DeferredCalls;
pub(crate) use forked_memory::{ForkedMemory, Lent};
pub(crate) use generation::Generation;
pub(crate) use graveyard::bury_process;
pub(crate) use poll::poll_until;
pub(crate) use process::{MOURNING, OpenNamespace, Process, own_pid};
pub(crate) use residents::Residents;
pub(crate) use ring::{Birth, Failed, ParentOfProgram, Request};
pub(crate) use robust_list::{ROBUST_LIST_LIMIT, RobustWords};
pub(crate) use server::{DEATH_SIGNAL_AS_IT_IS, KernelSigaction, SIGSET_SIZE};
pub(crate) use shared_memory::Arenas;
pub(crate) use subject::Whom;

use hidden_memory::HiddenMemory;

/// Sends raw syscalls to one process.
///
/// # Safety
///
/// Callers build memory safety on what an implementation does. It promises:
///
/// 1. [`syscall`](Self::syscall) has one process execute exactly the given call, at most once, and
///    always the same process.
/// 2. `Ok` and an error of kind [`ErrorKind::Os`] are the kernel's own answer to that call; or it was
///    an [`Observer`] that refused it, and the call was not executed.
/// 3. [`ErrorKind::NotSent`] is returned only if the call was and will not be executed.
/// 4. Once `syscall` has returned, in whatever way, that process does not write to the memory of
///    the arguments on account of this call any more.
/// 5. [`lend`](Self::lend) and [`lend_mut`](Self::lend_mut) run their closure exactly once, with an
///    address at which the process finds the bytes while it runs; what the process has written
///    there, if it was lent mutably, is in them afterwards.
/// 6. After [`barrier`](Self::barrier), everything sent before it has been carried out.
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
