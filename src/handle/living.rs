use std::time::Duration;

use rustix::io::Errno;

use super::ChildProcess;
use crate::brand::{HostFds, HostMemory, HostPids};
use crate::far::{self, Sees};
use crate::interface::{Call, Error, Local, Observer, Process, Ring};
use crate::near::Pid;
use crate::process::Child;
use crate::task::{Layered, Task};

/// What a call takes as another process, of which there is a handle: a driven task, a [`ChildProcess`], or the
/// [`Child`] of a [`Command`](crate::process::Command), if the pid namespace `P` [sees](Sees) it. Sealed.
///
/// The number that is passed on is the one that the process has in `P`. Its pidfd is looked at before the call
/// and after: a process that has ended is `ESRCH`.
///
/// While there is a handle, its number is not used again, unless the process is reaped by somebody else when it ends:
///
/// - by another part of the program, which waits for any child, or for the init of the process's pid namespace, or
///   ignores `SIGCHLD`;
/// - by the kernel, if the driven init of a pid namespace has spawned it.
///
/// Then only a process that ends between the two looks can be mistaken for a stranger, and that is `ESRCH` as well.
#[diagnostic::on_unimplemented(
    message = "the process has no number in this task's pid namespace",
    label = "`{Self}` is not a process that `{P}` sees",
    note = "a number alone is not a process that is held: keep the task, the `ChildProcess` or the `Child`",
    note = "a program is known by its number in `host_pids`: ask `Task::here()`, or another task of this process's pid namespace",
    note = "a dynamic task knows of no other: ask a branded one, such as `Task::here()`",
    note = "in generic code, ask for it: `L: handle::AsProcess<K::PidNamespace>`"
)]
pub trait AsProcess<P>: sealed::Sealed {
    #[doc(hidden)]
    fn number(&self) -> Pid<P>;

    #[doc(hidden)]
    fn lives(&self) -> bool;
}

mod sealed {
    pub trait Sealed {
        /// So there are no objects, to which another crate could give what it likes.
        const NO_OBJECT: () = ();
    }
}

/// Runs `call` with the number that a process has in `P`.
pub(crate) fn with_number_of<P, R>(
    process: &(impl AsProcess<P> + ?Sized),
    name: Call,
    call: impl FnOnce(usize) -> Result<R, Error>,
) -> Result<R, Error> {
    let ended = Err(Error::os(name, Errno::SRCH));
    if !process.lives() {
        return ended;
    }
    let answer = call(process.number().as_raw() as usize);
    if process.lives() { answer } else { ended }
}

fn lives(process: &Process) -> bool {
    process.is_ours() && !process.ends_within(Some(Duration::ZERO)).unwrap_or(true)
}

impl sealed::Sealed for ChildProcess {}

impl AsProcess<HostPids> for ChildProcess {
    fn number(&self) -> Pid<HostPids> {
        self.pid()
    }

    fn lives(&self) -> bool {
        lives(self.process())
    }
}

impl sealed::Sealed for Child {}

impl AsProcess<HostPids> for Child {
    fn number(&self) -> Pid<HostPids> {
        self.as_process().number()
    }

    fn lives(&self) -> bool {
        self.as_process().lives()
    }
}

impl<F, A, P, I, C> sealed::Sealed for Task<F, A, P, I, C> {}

impl<F, A, P, C, Q: Sees<P>> AsProcess<Q> for Task<F, A, P, Ring, C> {
    fn number(&self) -> Pid<Q> {
        Q::number(self.own_pid(), self.process().pid())
    }

    fn lives(&self) -> bool {
        lives(self.process())
    }
}

/// The process that the calling thread is one of.
impl AsProcess<HostPids> for Task<HostFds, HostMemory, HostPids, Local> {
    fn number(&self) -> Pid<HostPids> {
        self.own_pid()
    }

    fn lives(&self) -> bool {
        true
    }
}

impl<K: far::Task, O: ?Sized> sealed::Sealed for Layered<'_, K, O> {}

impl<K: far::Task + AsProcess<Q>, O: Observer + ?Sized, Q> AsProcess<Q> for Layered<'_, K, O> {
    fn number(&self) -> Pid<Q> {
        self.below().number()
    }

    fn lives(&self) -> bool {
        self.below().lives()
    }
}
