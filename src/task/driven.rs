use crate::brand::{HostPids, Namespace};
use crate::far::{self, FdTable};
use crate::interface::Ring;

use super::{SpawnTask, Task};

/// A task that is a child process of ours and has not become a program: what has transitions.
/// Sealed.
///
/// The transitions are in [`UnshareFilesTask`](super::UnshareFilesTask),
/// [`ExecTask`](super::ExecTask) and [`ExitTask`](super::ExitTask), implemented for every driven
/// task. This is also the bound for generic code that takes a child through several of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no transitions",
    label = "this is not a driven task",
    note = "unsharing the calling thread's fd table would turn every `OwnedFd` of the program into a number of another file, and an exec would replace the program",
    note = "make a child with `spawn()` and do it there"
)]
pub trait DrivenTask: SpawnTask + Send + Sized {
    /// The same task in the fd table `G`.
    type WithTable<G: Namespace>: DrivenTask
        + far::Task<
            FdTable = G,
            AddressSpace = Self::AddressSpace,
            PidNamespace = Self::PidNamespace,
            ChildPidNamespace = Self::ChildPidNamespace,
        >;

    #[doc(hidden)]
    fn ring(&mut self, _: transition::Token) -> &mut Ring;

    #[doc(hidden)]
    fn into_ring(self, _: transition::Token) -> Ring;

    #[doc(hidden)]
    fn with_table<G: Namespace>(
        self,
        table: FdTable<G>,
        _: transition::Token,
    ) -> Self::WithTable<G>;
}

impl<F: Namespace, A: Namespace> DrivenTask for Task<F, A, HostPids> {
    type WithTable<G: Namespace> = Task<G, A, HostPids>;

    fn ring(&mut self, _: transition::Token) -> &mut Ring {
        &mut self.interface
    }

    fn into_ring(self, _: transition::Token) -> Ring {
        self.interface
    }

    fn with_table<G: Namespace>(
        self,
        table: FdTable<G>,
        _: transition::Token,
    ) -> Task<G, A, HostPids> {
        let Task { interface, address_space, pid_namespace, child_pid_namespace, pid, .. } = self;
        Task { interface, fd_table: table, address_space, pid_namespace, child_pid_namespace, pid }
    }
}

/// What a transition is made of cannot be named outside: a task with another's ring or table would
/// be a forgery.
pub(super) mod transition {
    /// Made by transitions only.
    #[derive(Debug)]
    pub struct Token(pub(in crate::task) ());
}
