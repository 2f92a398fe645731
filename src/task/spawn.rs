//! Making child tasks.
//!
//! # Safety
//!
//! 1. The calls that are made in a new child take no arguments.
#![expect(unsafe_code, reason = "asks a new child for its pid")]

use std::ffi::c_int;

use crate::brand::{Brand, Guard, HostFds, HostMemory, HostPids, Label, Namespace};
use crate::far::{self, PidNamespace};
use crate::handle::{AsFd, Inherit};
use crate::interface::{Birth, Call, Error, Local, Residents, Ring, SyscallInterface};
use crate::namespaces::Namespaces;
use crate::near;

use super::arguments::{near, positive};
use super::unshare_files::Unshared;
use super::{DrivenTask, Task, UnshareFilesTask};

/// Making child tasks.
///
/// The calling thread can, and every driven task; not what is [layered](super::LayerTask), nor the calling thread once
/// it is erased. Whoever makes them, all are children of this process, and dropping one does not touch another. Only
/// the init of a pid namespace has children of its own: what it spawns, and what they spawn. They end with it.
pub trait SpawnTask: far::Task {
    /// A driven task with this one's fd table and address space, in the pid namespace of its
    /// children.
    type Child: far::Task<
            FdTable = Self::FdTable,
            AddressSpace = Self::AddressSpace,
            PidNamespace = Self::ChildPidNamespace,
            ChildPidNamespace = Self::ChildPidNamespace,
        > + DrivenTask;

    /// A driven task with this one's fd table and address space, in the pid namespace `Q`.
    type ChildWithPids<Q: Namespace>: far::Task<
            FdTable = Self::FdTable,
            AddressSpace = Self::AddressSpace,
            PidNamespace = Q,
            ChildPidNamespace = Q,
        > + DrivenTask;

    /// A driven task with this one's fd table, the address space `B`, and in the pid namespace of its
    /// children.
    type ChildWithMemory<B: Namespace>: far::Task<
            FdTable = Self::FdTable,
            AddressSpace = B,
            PidNamespace = Self::ChildPidNamespace,
            ChildPidNamespace = Self::ChildPidNamespace,
        > + DrivenTask;

    /// `clone3(CLONE_VM | CLONE_FILES)`—a child process that serves syscalls.
    ///
    /// It shares the fd table and the memory, so that this task's fds and slices work in it, and is in the pid
    /// namespace that this task's children go to. It has a working directory, root and umask of its own, and its
    /// credentials, limits, priority and the like are copies of this task's. An ordinary wait of another part of this
    /// program (`waitpid(-1)`) does not see it, as its exit signal is 0, until it has become a program.
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
    /// By a driven task also [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
    /// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile. Into a pid namespace that this program has
    /// made, [`MemoryExposed`](crate::ErrorKind::MemoryExposed) if a program lives there or in one around it,
    /// or has, and [`InitEnded`](crate::ErrorKind::InitEnded) if its init has ended.
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

    /// `clone3(CLONE_NEWPID)`—[`spawn`](Self::spawn), into a new pid namespace, named by `guard`.
    ///
    /// The child is the init of the namespace: [`pid`](far::Task::pid) is 1, and what this process
    /// calls it is [`host_pid`](super::DrivenTask::host_pid). When it ends, so does everything in the namespace.
    ///
    /// It shares this program's memory until it is a program. So that no program can look into that,
    /// it becomes one only when no other driven task is in the namespace, and after it no other can be
    /// spawned there: [`MemoryExposed`](crate::ErrorKind::MemoryExposed).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// child.unshare(Namespaces::USER)?; // No privileges are needed.
    /// brand!(inner_pids);
    /// let init = child.spawn_with_pids(inner_pids)?;
    /// assert_eq!(init.getpid()?.as_raw(), 1);
    /// assert_ne!(init.host_pid().as_raw(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `spawn`; `EPERM` without `CAP_SYS_ADMIN`; `EINVAL` if this task's children already go to
    /// another pid namespace than its own.
    ///
    /// # References
    ///
    /// [`pid_namespaces(7)`](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html)
    #[doc(alias = "CLONE_NEWPID")]
    fn spawn_with_pids<'id, L: Label>(
        &self,
        guard: Guard<'id, L>,
    ) -> Result<Self::ChildWithPids<Brand<'id, L>>, Error> {
        self.spawn_with_namespaces(guard, Namespaces::empty())
    }

    /// `clone3(CLONE_NEWPID | CLONE_NEW...)`—[`spawn_with_pids`](Self::spawn_with_pids), into new namespaces of other
    /// kinds as well.
    ///
    /// With [`USER`](Namespaces::USER) among them, no privileges are needed: the child has all of them in the new
    /// namespaces. See [`unshare`](super::NamespaceTask::unshare) for the kinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// brand!(inner_pids);
    /// let init = here.spawn_with_namespaces(inner_pids, Namespaces::USER | Namespaces::UTS)?;
    /// init.sethostname("inside")?;
    /// assert_eq!(init.getpid()?.as_raw(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `spawn_with_pids`; `ENOSPC` at a limit on namespaces.
    ///
    /// # References
    ///
    /// [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html),
    /// [`namespaces(7)`](https://man7.org/linux/man-pages/man7/namespaces.7.html)
    #[doc(alias = "CLONE_NEWUSER")]
    fn spawn_with_namespaces<'id, L: Label>(
        &self,
        pids: Guard<'id, L>,
        others: Namespaces,
    ) -> Result<Self::ChildWithPids<Brand<'id, L>>, Error>;

    /// `clone3(CLONE_VM | CLONE_FILES)` and `close_range(CLOSE_RANGE_UNSHARE)`—[`spawn`](Self::spawn), with a
    /// private fd table from the start, named by `guard`: what `keep` lists is in it, and 0, 1 and 2.
    ///
    /// Checked: what `keep` lists is of this task's fd table.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// brand!(private_fds);
    /// // The writer moves to the child, which gets a copy of the reader.
    /// let (child, (writer, copy)) = here.spawn_with_files(private_fds, (writer, &reader))?;
    /// child.write(&writer, b"hello")?;
    /// let mut buffer = [0; 8];
    /// assert_eq!(child.read(&copy, &mut buffer[..2])?, 2);
    /// assert_eq!(here.read(&reader, &mut buffer)?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `spawn` and [`unshare_files`](UnshareFilesTask::unshare_files).
    ///
    /// # References
    ///
    /// [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html),
    /// [`close_range(2)`](https://man7.org/linux/man-pages/man2/close_range.2.html)
    fn spawn_with_files<'id, L: Label, X: Inherit<Self::FdTable>>(
        &self,
        guard: Guard<'id, L>,
        keep: X,
    ) -> Result<Unshared<'id, Self::Child, L, X>, Error> {
        self.spawn()?.unshare_files(guard, keep)
    }

    /// `clone3(CLONE_INTO_CGROUP)`—[`spawn`](Self::spawn), into a cgroup, which the child is in from its first moment
    /// on, and with it what it spawns.
    ///
    /// Checked: `directory`, one of cgroup v2, is of this task's fd table. In a cgroup that is frozen, the child starts
    /// when that is thawed, and this returns then.
    ///
    /// The child has this program's memory, and for the kernel that is its size. So where the cgroup, or one around it,
    /// is at a limit of memory (`memory.max`), it may be the child that is killed to make room, and then everybody who
    /// shares that memory is, too: this program. This is so for every task in such a cgroup, until it is a program, but
    /// for those with a [memory of their own](Self::spawn_with_memory).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    /// let workers = here.openat(Cwd, "/sys/fs/cgroup/workers", flags, Mode::empty())?;
    /// let worker = here.spawn_in_cgroup(&workers)?;
    /// // The container is in it, too.
    /// brand!(inner_pids);
    /// let init = worker.spawn_with_namespaces(inner_pids, Namespaces::MOUNT | Namespaces::NET)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `spawn`, and of `clone3`: `EBADF` if it is no directory of cgroup v2, `EACCES` if this process may not move
    /// one there from its own cgroup, `EAGAIN` at the limit of the cgroup (`pids.max`), `EBUSY` if controllers are
    /// enabled for its children, `EOPNOTSUPP` if it is not in the state for it (`cgroup.type`).
    ///
    /// # References
    ///
    /// [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html)
    #[doc(alias = "CLONE_INTO_CGROUP")]
    fn spawn_in_cgroup(&self, directory: impl AsFd<Self::FdTable>) -> Result<Self::Child, Error>;

    /// `clone3(CLONE_FILES)`—[`spawn`](Self::spawn), with a copy of this task's memory, named by `guard`.
    ///
    /// What is in the copy at the same addresses is what was here at that moment, including what other
    /// threads had changed halfway. From then on the two have nothing in common but mappings that are shared. So a
    /// slice is no buffer for this child: it has no memory of this program's any more.
    ///
    /// Who has the copy's addresses can read there what this program had in its memory, secrets included.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// brand!(child_memory);
    /// let child = here.spawn_with_memory(child_memory)?;
    /// // Paths and the like get to where it finds them.
    /// let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    /// assert_eq!(here.read(&null, &mut [0; 8])?, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `spawn`.
    ///
    /// # References
    ///
    /// [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html)
    fn spawn_with_memory<'id, L: Label>(
        &self,
        guard: Guard<'id, L>,
    ) -> Result<Self::ChildWithMemory<Brand<'id, L>>, Error>;

    /// `clone3(CLONE_FILES)` and `close_range(CLOSE_RANGE_UNSHARE)`—a child with a copy of this task's memory, named by
    /// `memory`, and an fd table of its own, named by `files`: what `keep` lists is in it, and 0, 1 and 2.
    ///
    /// Checked: what `keep` lists is of this task's fd table. See [`spawn_with_memory`](Self::spawn_with_memory).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// brand!(child_memory, child_fds);
    /// let (child, writer) = here.fork(child_memory, child_fds, writer)?;
    /// let echo = Program::new("echo").arg("hello");
    /// assert!(child.program(&echo).fd(1, &writer).exec()?.wait()?.success());
    /// assert_eq!(here.read(&reader, &mut [0; 16])?, 6);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `spawn` and [`unshare_files`](UnshareFilesTask::unshare_files).
    ///
    /// # References
    ///
    /// [`fork(2)`](https://man7.org/linux/man-pages/man2/fork.2.html)
    #[expect(clippy::type_complexity, reason = "what is returned is what was listed")]
    fn fork<'memory, 'files, M: Label, L: Label, X: Inherit<Self::FdTable>>(
        &self,
        memory: Guard<'memory, M>,
        files: Guard<'files, L>,
        keep: X,
    ) -> Result<Unshared<'files, Self::ChildWithMemory<Brand<'memory, M>>, L, X>, Error> {
        self.spawn_with_memory(memory)?.unshare_files(files, keep)
    }
}

impl SpawnTask for Task<HostFds, HostMemory, HostPids, Local> {
    type Child = Task<HostFds, HostMemory, HostPids>;
    type ChildWithPids<Q: Namespace> = Task<HostFds, HostMemory, Q, Ring, Q>;
    type ChildWithMemory<B: Namespace> = Task<HostFds, B, HostPids>;

    fn spawn(&self) -> Result<Self::Child, Error> {
        self.spawn_as(Birth::default())
    }

    fn spawn_in_cgroup(&self, directory: impl AsFd<HostFds>) -> Result<Self::Child, Error> {
        self.spawn_as(in_cgroup(self, &directory)?)
    }

    fn spawn_with_memory<'id, L: Label>(
        &self,
        _guard: Guard<'id, L>,
    ) -> Result<Self::ChildWithMemory<Brand<'id, L>>, Error> {
        Ok(self.spawn_as(Birth { is_forked: true, ..Birth::default() })?.with_own_memory())
    }

    fn spawn_with_namespaces<'id, L: Label>(
        &self,
        _pids: Guard<'id, L>,
        others: Namespaces,
    ) -> Result<Self::ChildWithPids<Brand<'id, L>>, Error> {
        let residents = Residents::none(None);
        let birth = Birth { residents: Some(&residents), ..with_pids_and(others) };
        let child = self.spawn_as(birth)?;
        let pid = own_pid(&child.interface)?;
        Ok(child.with_pids(PidNamespace::of(residents), pid))
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

/// A driven task, and what pins or wraps one.
impl<K: far::Task<Interface = Ring>> SpawnTask for K {
    type Child = ChildIn<K, K::ChildPidNamespace>;
    type ChildWithPids<Q: Namespace> = ChildIn<K, Q>;
    type ChildWithMemory<B: Namespace> =
        Task<K::FdTable, B, K::ChildPidNamespace, Ring, K::ChildPidNamespace>;

    fn spawn(&self) -> Result<Self::Child, Error> {
        spawn_into(self, self.child_pid_namespace(), Birth::default())
    }

    fn spawn_in_cgroup(&self, directory: impl AsFd<Self::FdTable>) -> Result<Self::Child, Error> {
        spawn_into(self, self.child_pid_namespace(), in_cgroup(self, &directory)?)
    }

    fn spawn_with_memory<'id, L: Label>(
        &self,
        _guard: Guard<'id, L>,
    ) -> Result<Self::ChildWithMemory<Brand<'id, L>>, Error> {
        let birth = Birth { is_forked: true, ..Birth::default() };
        Ok(spawn_into(self, self.child_pid_namespace(), birth)?.with_own_memory())
    }

    fn spawn_with_namespaces<'id, L: Label>(
        &self,
        _pids: Guard<'id, L>,
        others: Namespaces,
    ) -> Result<Self::ChildWithPids<Brand<'id, L>>, Error> {
        let residents = Residents::none(self.pid_namespace().residents());
        let birth = with_pids_and(others);
        spawn_into(self, &PidNamespace::of(residents), birth)
    }
}

/// In the cgroup of this directory, which is borrowed until after the birth.
fn in_cgroup<K: far::Task>(
    parent: &K,
    directory: &impl AsFd<K::FdTable>,
) -> Result<Birth<'static>, Error> {
    let directory = near(parent, Call::CLONE3, directory)? as c_int;
    Ok(Birth { cgroup: Some(directory), ..Birth::default() })
}

/// In a new pid namespace, and new ones of these kinds.
fn with_pids_and(others: Namespaces) -> Birth<'static> {
    Birth { namespaces: libc::CLONE_NEWPID | others.bits() as c_int, ..Birth::default() }
}

/// A child in a task's fd table and memory, and in the pid namespace `Q`.
type ChildIn<K, Q> = Task<<K as far::Task>::FdTable, <K as far::Task>::AddressSpace, Q, Ring, Q>;

/// A child in `namespace`: where the next children go, or what a flag of its birth makes.
fn spawn_into<K: far::Task<Interface = Ring>, Q>(
    parent: &K,
    namespace: &PidNamespace<Q>,
    birth: Birth<'_>,
) -> Result<ChildIn<K, Q>, Error> {
    let residents = namespace.residents();
    let ring = parent.interface().spawn_sibling(Birth { residents, ..birth })?;
    let pid = match residents {
        None => near::Pid::asserted(ring.process().pid().as_raw()).expect("it is positive"),
        Some(_) => own_pid(&ring)?,
    };
    Ok(Task {
        interface: ring,
        fd_table: parent.fd_table().clone(),
        address_space: parent.address_space().clone(),
        pid_namespace: namespace.clone(),
        child_pid_namespace: namespace.clone(),
        pid,
    })
}

/// What a child in another pid namespace is called there.
pub(super) fn own_pid<Q>(ring: &Ring) -> Result<near::Pid<Q>, Error> {
    // SAFETY: (1)
    let pid = positive(Call::GETPID, unsafe { ring.syscall(Call::GETPID, []) }?)?;
    Ok(near::Pid::asserted(pid).expect("it is positive"))
}
