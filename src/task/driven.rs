use crate::brand::{Dynamic, HostPids, Namespace};
use crate::far::{self, FdTable, PidNamespace};
use crate::handle::{AsProcess, Killer};
use crate::interface::Ring;
use crate::near;

use super::{SpawnTask, Task};

/// A task that is a child process of ours and has not become a program: what has transitions.
/// Sealed.
///
/// The transitions are in [`UnshareFilesTask`](super::UnshareFilesTask),
/// [`UnsharePidTask`](super::UnsharePidTask), [`ExecTask`](super::ExecTask) and [`ExitTask`](super::ExitTask), and are for
/// driven tasks alone. So are the calls that the calling thread does not have: [`SeccompTask`](super::SeccompTask),
/// [`TimeNamespaceTask`](super::TimeNamespaceTask), [`RobustListTask`](super::RobustListTask),
/// [`setgroups`](super::CredentialsTask::setgroups) and [`set_sigaction`](super::SignalTask::set_sigaction). This is
/// also the bound for generic code that prepares a child or takes it through several transitions.
///
/// ```
/// use nearfar::prelude::*;
/// use nearfar::task::SigAction;
///
/// /// Drops what a daemon does not need.
/// fn as_a_daemon<K: DrivenTask>(child: &K) -> Result<(), nearfar::Error> {
///     child.set_sigaction(Signal::HUP, SigAction::Ignore)?;
///     child.prctl_set_no_new_privs()?;
///     println!("{} is prepared", child.host_pid());
///     Ok(())
/// }
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// as_a_daemon(&child)?;
/// assert!(child.program(&Program::new("true")).exec()?.wait()?.success());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a driven task",
    label = "only driven tasks do this",
    note = "unsharing the calling thread's fd table would turn every `OwnedFd` of the program into a number of another file, unsharing its pid namespace would send every child of the program there, and an exec would replace the program",
    note = "groups, signal dispositions and a robust list would be those of a thread that runs Rust code; clocks and filters are for the program that a task becomes",
    note = "make a child with `spawn()` and do it there; to end this program: `std::process::exit`; an fd of this process is copied by `dup`",
    note = "a pinned or a watched task only borrows one: do it with that one, before or after"
)]
pub trait DrivenTask: SpawnTask + AsProcess<HostPids> + Send + Sized {
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

    /// Its pid in this process's pid namespace: what the parent knows it by. In a pid namespace of its
    /// own it sees [`far::Task::pid`], another number.
    #[must_use]
    fn host_pid(&self) -> near::Pid<HostPids> {
        self.driver(transition::Token(())).process().pid()
    }

    /// Something to kill the child with from another thread, while a call blocks in it.
    ///
    /// ```
    /// use nearfar::ErrorKind;
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let (reader, _writer) = child.pipe2(PipeFlags::empty())?;
    /// let killer = child.killer();
    /// std::thread::scope(|scope| {
    ///     let reader = &reader;
    ///     let blocked = scope.spawn(move || child.read(reader, &mut [0; 1]).unwrap_err());
    ///     killer.kill().unwrap();
    ///     let error = blocked.join().unwrap();
    ///     assert!(matches!(error.kind(), ErrorKind::Hangup | ErrorKind::NotSent));
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    fn killer(&self) -> Killer {
        Killer::new(self.driver(transition::Token(())).process().clone())
    }

    /// The same task, checked at run time, and storable anywhere: see [`Dynamic`].
    ///
    /// ```
    /// use nearfar::Dynamic;
    /// use nearfar::prelude::*;
    ///
    /// /// Workers that differ in where they live.
    /// #[derive(Default)]
    /// struct Pool(Vec<Task<Dynamic, Dynamic, Dynamic>>);
    ///
    /// impl Pool {
    ///     fn add(&mut self, worker: impl DrivenTask) {
    ///         self.0.push(worker.erase());
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let mut pool = Pool::default();
    /// pool.add(Task::here().spawn()?);
    /// brand!(worker_fds);
    /// pool.add(Task::here().spawn_with_files(worker_fds, ())?.0);
    /// # Ok(())
    /// # }
    /// ```
    fn erase(self) -> Task<Dynamic, Dynamic, Dynamic>;

    #[doc(hidden)]
    fn driver(&self, _: transition::Token) -> &Ring;

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

    fn erase(self) -> Task<Dynamic, Dynamic, Dynamic> {
        Task::erase(self)
    }

    fn driver(&self, _: transition::Token) -> &Ring {
        &self.interface
    }

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
