use crate::brand::{Guard, HostFds, HostMemory, HostPids, Label, Namespace};
use crate::far;
use crate::handle::Inherit;
use crate::interface::{Birth, Error, Local, Ring};

use super::unshare_files::Unshared;
use super::{DrivenTask, Task, UnshareFilesTask};

/// Making child tasks.
///
/// Any task can, a driven one too. Whoever makes them, all are children of this process, and
/// dropping one does not touch another.
pub trait SpawnTask: far::Task {
    /// A driven task with this one's fd table and address space, in the pid namespace of its
    /// children.
    type Child: far::Task<
            FdTable = Self::FdTable,
            AddressSpace = Self::AddressSpace,
            PidNamespace = Self::ChildPidNamespace,
            ChildPidNamespace = Self::ChildPidNamespace,
        > + DrivenTask;

    /// `clone3(CLONE_VM | CLONE_FILES)`—a child process that serves syscalls.
    ///
    /// It shares fd table, memory and pid namespace: this task's fds and slices work in it. It has
    /// a working directory, root and umask of its own, and its credentials, limits, priority and
    /// the like are copies of this task's. An ordinary wait of another part of this program
    /// (`waitpid(-1)`) does not see it, as its exit signal is 0, until it has become a program.
    ///
    /// A thread of this process sleeps for as long as the child is driven. It is the child's parent, so
    /// that the end of the thread that called `spawn` does not end the child, and the end of this
    /// process, or an exec in it, does.
    ///
    /// # Errors
    ///
    /// Of `clone3`, and of the `clone` of that thread: `EAGAIN` at a limit on processes, `EMFILE` when
    /// there is no room for its pidfd, `ENOMEM`.
    ///
    /// # References
    ///
    /// [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html)
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// assert_ne!(child.getpid()?, here.getpid()?);
    /// assert_eq!(child.getppid()?, Some(here.getpid()?));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "clone")]
    #[doc(alias = "fork")]
    fn spawn(&self) -> Result<Self::Child, Error>;

    /// [`spawn`](Self::spawn), with a private fd table from the start: what `keep` lists is in it,
    /// and 0, 1 and 2.
    ///
    /// # Errors
    ///
    /// As `spawn` and [`unshare_files`](UnshareFilesTask::unshare_files).
    fn spawn_with_files<'id, L: Label, X: Inherit<Self::FdTable>>(
        &self,
        guard: Guard<'id, L>,
        keep: X,
    ) -> Result<Unshared<'id, Self::Child, L, X>, Error> {
        self.spawn()?.unshare_files(guard, keep)
    }
}

impl SpawnTask for Task<HostFds, HostMemory, HostPids, Local> {
    type Child = Task<HostFds, HostMemory, HostPids>;

    fn spawn(&self) -> Result<Self::Child, Error> {
        self.spawn_as(Birth::default())
    }
}

impl Task<HostFds, HostMemory, HostPids, Local> {
    /// A child that is special from the start. Its pids are the host's only if it has no pid namespace
    /// of its own: the caller sees to that.
    pub(crate) fn spawn_as(
        &self,
        birth: Birth<'_>,
    ) -> Result<Task<HostFds, HostMemory, HostPids>, Error> {
        let ring = Ring::spawn(birth)?;
        let pid = ring.process().pid();
        Ok(Task::sharing_host(ring, pid))
    }
}

impl<F: Namespace, A: Namespace> SpawnTask for Task<F, A, HostPids> {
    type Child = Self;

    fn spawn(&self) -> Result<Self, Error> {
        let ring = self.interface.spawn_sibling()?;
        let pid = ring.process().pid();
        Ok(Task { interface: ring, fd_table: self.fd_table.clone(), pid, ..*self })
    }
}
