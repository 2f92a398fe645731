use crate::brand::Namespace;
use crate::far::{self, FdTable, PidNamespace};
use crate::interface::Ring;

use super::{SpawnTask, Task};

/// A task that is a child process of ours and has not become a program: what has transitions.
/// Sealed.
///
/// The transitions are in [`UnshareFilesTask`](super::UnshareFilesTask),
/// [`UnsharePidTask`](super::UnsharePidTask), [`ExecTask`](super::ExecTask) and [`ExitTask`](super::ExitTask), implemented for every driven
/// task. This is also the bound for generic code that takes a child through several of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no transitions",
    label = "this is not a driven task",
    note = "unsharing the calling thread's fd table would turn every `OwnedFd` of the program into a number of another file, unsharing its pid namespace would send every child of the program there, and an exec would replace the program",
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

    /// The same task, whose next children go to the pid namespace `Q`.
    type WithChildPids<Q: Namespace>: DrivenTask
        + far::Task<
            FdTable = Self::FdTable,
            AddressSpace = Self::AddressSpace,
            PidNamespace = Self::PidNamespace,
            ChildPidNamespace = Q,
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

    #[doc(hidden)]
    fn with_child_pids<Q: Namespace>(
        self,
        namespace: PidNamespace<Q>,
        _: transition::Token,
    ) -> Self::WithChildPids<Q>;
}

impl<F, A, P, C> DrivenTask for Task<F, A, P, Ring, C>
where
    F: Namespace,
    A: Namespace,
    P: Namespace,
    C: Namespace,
{
    type WithTable<G: Namespace> = Task<G, A, P, Ring, C>;
    type WithChildPids<Q: Namespace> = Task<F, A, P, Ring, Q>;

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
    ) -> Task<G, A, P, Ring, C> {
        let Task { interface, address_space, pid_namespace, child_pid_namespace, pid, .. } = self;
        Task { interface, fd_table: table, address_space, pid_namespace, child_pid_namespace, pid }
    }

    fn with_child_pids<Q: Namespace>(
        self,
        namespace: PidNamespace<Q>,
        _: transition::Token,
    ) -> Task<F, A, P, Ring, Q> {
        let Task { interface, fd_table, address_space, pid_namespace, pid, .. } = self;
        let child_pid_namespace = namespace;
        Task { interface, fd_table, address_space, pid_namespace, child_pid_namespace, pid }
    }
}

/// What a transition is made of cannot be named outside: a task with another's ring or table would
/// be a forgery.
pub(super) mod transition {
    /// Made by transitions only.
    #[derive(Debug)]
    pub struct Token(pub(in crate::task) ());
}
