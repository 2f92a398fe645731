//! Tasks whose namespaces are known at run time.
//!
//! # Safety
//!
//! 1. A [`Pinned`] task is the task that it borrows: what its accessors return are that task's namespaces,
//!    under brands that `pin` has made for it, or that have been compared.
//! 2. The call moves the task's next children, as the task then says; or it fails and moves nothing.
#![expect(unsafe_code, reason = "implements an unsafe trait, and changes what a task says")]

use std::fmt;

use crate::brand::{Brand, Dynamic, HostMemory, Namespace};
use crate::far::{
    self, AddressSpace, AddressSpaceMismatchError, FdTable, FdTableMismatchError, Joined,
    NamespaceMismatchError, PidNamespace, PidNamespaceMismatchError,
};
use crate::handle::{AsFd, Inherit, NotRebranded};
use crate::interface::{Call, Error, Residents, Ring, SyscallInterface};
use crate::near;

use super::Task;
use super::arguments::{call, near};
use super::unshare_files::{NotUnshared, leave_for};

impl<F, A, P, I, C> Task<F, A, P, I, C> {
    /// The same task, checked at run time, and storable anywhere: see [`Dynamic`].
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use nearfar::prelude::*;
    /// use nearfar::Dynamic;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let mut workers: HashMap<String, Task<Dynamic, Dynamic, Dynamic>> = HashMap::new();
    /// for name in ["first", "second"] {
    ///     brand!(worker_fds);
    ///     let (worker, ()) = here.spawn_with_files(worker_fds, ())?;
    ///     workers.insert(name.into(), worker.erase());
    /// }
    /// let null = workers["first"].openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    /// workers["first"].fstat(&null)?;
    /// let error = workers["second"].fstat(&null).unwrap_err();
    /// assert!(error.to_string().contains("one of FdTable(worker_fds"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn erase(self) -> Task<Dynamic, Dynamic, Dynamic, I> {
        self.rebranded()
    }

    /// The same task, of which the caller knows that its namespaces are these.
    fn rebranded<G, B, Q, D>(self) -> Task<G, B, Q, I, D> {
        let Task { interface, fd_table, address_space, pid_namespace, child_pid_namespace, pid } =
            self;
        Task {
            interface,
            fd_table: fd_table.rebranded(),
            address_space: address_space.rebranded(),
            pid_namespace: pid_namespace.rebranded(),
            child_pid_namespace: child_pid_namespace.rebranded(),
            pid: pid.rebranded(),
        }
    }
}

impl<F, A, P, I, C> Task<F, A, P, I, C>
where
    F: Namespace,
    A: Namespace,
    P: Namespace,
    C: Namespace,
    I: SyscallInterface,
{
    /// The same task, with the types of `other`, if it lives where that does.
    ///
    /// # Errors
    ///
    /// That one of the namespaces is another; the task comes back with the error.
    #[expect(clippy::type_complexity, reason = "every parameter is the other's")]
    pub fn rebrand<K: far::Task + ?Sized>(
        self,
        other: &K,
    ) -> Result<
        Task<K::FdTable, K::AddressSpace, K::PidNamespace, I, K::ChildPidNamespace>,
        NotRebranded<Self>,
    > {
        match lives_with(&self, other) {
            Ok(()) => Ok(self.rebranded()),
            Err(error) => Err(NotRebranded { error, handle: self }),
        }
    }
}

/// Whether a task lives in every namespace that another one lives in.
fn lives_with<K: far::Task, L: far::Task + ?Sized>(
    task: &K,
    other: &L,
) -> Result<(), NamespaceMismatchError> {
    let (memory, others_memory) = (task.address_space(), other.address_space());
    let (pids, others_pids) = (task.pid_namespace(), other.pid_namespace());
    let (child_pids, others_child_pids) = (task.child_pid_namespace(), other.child_pid_namespace());
    if !task.fd_table().is(other.fd_table()) {
        Err(FdTableMismatchError::between_tasks(task.fd_table(), other.fd_table()).into())
    } else if !memory.is(others_memory) {
        Err(AddressSpaceMismatchError::between_tasks(memory, others_memory).into())
    } else if !pids.is(others_pids) {
        Err(PidNamespaceMismatchError::between_tasks(pids, others_pids).into())
    } else if !child_pids.is(others_child_pids) {
        Err(PidNamespaceMismatchError::between_children(child_pids, others_child_pids).into())
    } else {
        Ok(())
    }
}

/// The labels of a task that is [pinned](Task::pin).
pub mod pinned {
    crate::brand::labels! {
        pinned_fds "Label of a pinned task's fd table."
        pinned_memory "Label of a pinned task's address space."
        pinned_pids "Label of a pinned task's pid namespace."
        pinned_child_pids "Label of the pid namespace of a pinned task's children."
    }
}

use pinned::{pinned_child_pids, pinned_fds, pinned_memory, pinned_pids};

/// A dynamic task that stays where it is for a while, under brands: [`Task::pin`].
pub struct Pinned<'task, F, A, P, C, I = Ring> {
    interface: &'task I,
    fd_table: FdTable<F>,
    address_space: AddressSpace<A>,
    pid_namespace: PidNamespace<P>,
    child_pid_namespace: PidNamespace<C>,
    pid: near::Pid<P>,
}

/// What a scope of [`Task::pin`] gets: all brands are its own.
pub type PinnedTask<'task, 'id, I = Ring> = PinnedWith<'task, 'id, Brand<'id, pinned_memory>, I>;

/// What a scope of [`Task::pin_in_host_memory`] gets: all brands but that of the memory are its own.
pub type PinnedWith<'task, 'id, A, I = Ring> = Pinned<
    'task,
    Brand<'id, pinned_fds>,
    A,
    Brand<'id, pinned_pids>,
    Brand<'id, pinned_child_pids>,
    I,
>;

impl<I> Task<Dynamic, Dynamic, Dynamic, I> {
    /// Runs `body` with this task under brands of its own: inside, everything is static again.
    ///
    /// Handles come in by [`rebrand_ref`](crate::Fd::rebrand_ref) or `rebrand`, and go out by `erase`. What
    /// is to leave without that is refused by its lifetime: the compiler says that "borrowed data escapes
    /// outside of closure", or that `'1` must outlive `'2`, where these are the scope's.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut task = Task::here().spawn()?.erase();
    /// let null = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    /// let zero = task.pin(|task| {
    ///     let null = null.rebrand_ref(task)?;
    ///     // None of this can be of another namespace.
    ///     task.fstat(null)?;
    ///     let zero = task.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    ///     Ok::<_, Box<dyn std::error::Error>>(zero.erase())
    /// })?;
    /// task.fstat(&zero)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pin<R>(&mut self, body: impl for<'id> FnOnce(&PinnedTask<'_, 'id, I>) -> R) -> R {
        body(&self.pinned(self.address_space.rebranded()))
    }

    /// [`pin`](Self::pin), if the task's memory is this program's, so that slices can be its buffers.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut task = Task::here().spawn()?.erase();
    /// let zeroes = task.pin_in_host_memory(|task| {
    ///     let zero = task.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    ///     let mut buffer = [1; 8];
    ///     task.read(&zero, &mut buffer)?;
    ///     Ok::<_, nearfar::Error>(buffer)
    /// })??;
    /// assert_eq!(zeroes, [0; 8]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// That the task has another memory.
    pub fn pin_in_host_memory<R>(
        &mut self,
        body: impl for<'id> FnOnce(&PinnedWith<'_, 'id, HostMemory, I>) -> R,
    ) -> Result<R, NamespaceMismatchError> {
        if !self.address_space.is(&AddressSpace::HOST) {
            let own = &self.address_space;
            return Err(AddressSpaceMismatchError::between(own, Some(&AddressSpace::HOST)).into());
        }
        Ok(body(&self.pinned(AddressSpace::HOST)))
    }

    fn pinned<A>(&self, address_space: AddressSpace<A>) -> PinnedWith<'_, '_, A, I> {
        Pinned {
            interface: &self.interface,
            fd_table: self.fd_table.rebranded(),
            address_space,
            pid_namespace: self.pid_namespace.rebranded(),
            child_pid_namespace: self.child_pid_namespace.rebranded(),
            pid: self.pid.rebranded(),
        }
    }
}

// SAFETY: (1); it is borrowed mutably, so that nothing else changes it meanwhile.
unsafe impl<F, A, P, C, I> far::Task for Pinned<'_, F, A, P, C, I>
where
    F: Namespace,
    A: Namespace,
    P: Namespace,
    C: Namespace,
    I: SyscallInterface,
{
    type FdTable = F;
    type AddressSpace = A;
    type PidNamespace = P;
    type ChildPidNamespace = C;
    type Interface = I;

    #[inline]
    fn interface(&self) -> &I {
        self.interface
    }

    #[inline]
    fn fd_table(&self) -> &FdTable<F> {
        &self.fd_table
    }

    #[inline]
    fn address_space(&self) -> &AddressSpace<A> {
        &self.address_space
    }

    #[inline]
    fn pid_namespace(&self) -> &PidNamespace<P> {
        &self.pid_namespace
    }

    #[inline]
    fn child_pid_namespace(&self) -> &PidNamespace<C> {
        &self.child_pid_namespace
    }

    fn pid(&self) -> near::Pid<P> {
        self.pid
    }
}

impl<F, A, P: Namespace, C, I> fmt::Debug for Pinned<'_, F, A, P, C, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned({}, {}, {})", self.pid, self.fd_table, self.address_space)
    }
}

impl<A: Namespace, P: Namespace, C: Namespace> Task<Dynamic, A, P, Ring, C> {
    /// `close_range(CLOSE_RANGE_UNSHARE)`—leaves the fd table for a new one.
    ///
    /// As [`UnshareFilesTask::unshare_files`](super::UnshareFilesTask::unshare_files), but in place: if this
    /// fails, the task is where it was (or dead, if that is why), and what was listed by value comes back
    /// with the error. Fds of the old table are refused by this task from then on.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let a_table_of_its_own = true;
    /// let mut task = Task::here().spawn()?.erase();
    /// let null = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    /// if a_table_of_its_own {
    ///     let kept = task.unshare_files_in_place(&null)?;
    ///     task.fstat(&kept)?;
    ///     assert!(task.fstat(&null).is_err());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `UnshareFilesTask::unshare_files`; [`Mismatch`](crate::ErrorKind::Mismatch) if what is listed is of
    /// another table.
    pub fn unshare_files_in_place<X: Inherit<Dynamic>>(
        &mut self,
        keep: X,
    ) -> Result<X::Inherited<Dynamic>, NotUnshared<(), (), Dynamic>> {
        let table = FdTable::without_tasks();
        match leave_for(self, keep, &table) {
            Ok(inherited) => {
                self.fd_table = table;
                Ok(inherited)
            }
            Err((error, moved)) => Err(NotUnshared { error, task: (), guard: (), moved }),
        }
    }
}

impl<F: Namespace, A: Namespace, P: Namespace> Task<F, A, P, Ring, Dynamic> {
    /// `unshare(CLONE_NEWPID)`—has the task's children in a new pid namespace.
    ///
    /// As [`UnsharePidTask::unshare_pid`](super::UnsharePidTask::unshare_pid), but in place.
    ///
    /// # Errors
    ///
    /// As there; the task's children go where they went before.
    pub fn unshare_pid_in_place(&mut self) -> Result<(), Error> {
        // SAFETY: (2)
        unsafe { call(self, Call::UNSHARE, [libc::CLONE_NEWPID as usize]) }?;
        self.child_pid_namespace =
            PidNamespace::of(Residents::none(self.pid_namespace.residents()));
        Ok(())
    }

    /// `setns(fd, CLONE_NEWPID)`—has the task's children in a pid namespace that is there already.
    ///
    /// As [`UnsharePidTask::setns_pid`](super::UnsharePidTask::setns_pid), but in place. A namespace that
    /// this library knows is recognised: then the children's is the same as that.
    ///
    /// # Errors
    ///
    /// As there; the task's children go where they went before.
    pub fn setns_pid_in_place(&mut self, fd: impl AsFd<F>) -> Result<(), Error> {
        let arguments = [near(self, Call::SETNS, &fd)?, libc::CLONE_NEWPID as usize];
        // SAFETY: (2)
        unsafe { call(self, Call::SETNS, arguments) }?;
        self.child_pid_namespace = self.joined();
        Ok(())
    }

    /// The namespace that the task's next children go to, now that it has joined that.
    fn joined(&self) -> PidNamespace<Dynamic> {
        match Joined::by(self.interface.process(), &self.pid_namespace) {
            Joined::Back(namespace) | Joined::Known(namespace, _) => namespace,
            Joined::Unknown(theirs) => PidNamespace::of_others(&self.pid_namespace, theirs, None),
        }
    }
}
