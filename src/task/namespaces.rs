//! Namespaces that change no brand: users, mounts, networks, names, IPC, cgroups, clocks.
//!
//! # Safety
//!
//! 1. An fd in a call is of the task's own table and stays open for the call.
//! 2. A call names the kinds of namespaces that it changes, and fds, addresses and pids mean the
//!    same in all of them: pid namespaces and the fd table are not among them.
//! 3. What the kernel takes from a process that gains capabilities (`commit_creds`), its death signal
//!    and the dumpable flag of its memory, is not taken by `unshare`: it excepts namespaces that the
//!    process has made itself (`cred_cap_issubset`). To `setns`, the interface of a driven task sees.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::io::Errno;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error};
use crate::namespaces::Namespaces;

use super::arguments::{call, near};

/// Namespaces of a task's own, and those of others.
///
/// On a driven task these calls act on that process. On the calling thread they act on **that thread
/// alone**: the other threads of the program stay where they are, and what the thread spawns from
/// then on is where it is.
///
/// An fd of a namespace is an open file of `/proc/PID/ns`. A pidfd stands for the namespace of that
/// kind that its process is in.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait NamespaceTask: far::Task {
    /// `unshare(kinds)`—gives the task new namespaces of these kinds; those of the others it keeps.
    ///
    /// Checked: no brand changes, as [`Namespaces`] has no kind that does.
    ///
    /// - [`USER`](Namespaces::USER): in the new user namespace the task has every capability, and no
    ///   user is mapped until somebody writes `/proc/PID/uid_map`. A driven child is a process of its
    ///   own and can do it. The calling thread cannot in a program with more than one thread, and
    ///   driven children are among the reasons why there are more: `EINVAL`.
    /// - [`MOUNT`](Namespaces::MOUNT): a copy of all mounts. Working directory and root are the same
    ///   places in the copy. The calling thread gets them, and its umask, for itself (it implies
    ///   `CLONE_FS`): what it does to its working directory is unknown to the other threads, and the
    ///   other way round. Changes may still propagate: see
    ///   [`mount_change`](super::MountTask::mount_change).
    /// - [`NET`](Namespaces::NET): a loopback device, which is down.
    /// - [`TIME`](Namespaces::TIME): for the program that the task becomes, as a task that shares this
    ///   program's memory shares its clocks. Until then the clocks of the new namespace can be set:
    ///   [`set_time_offsets`](super::TimeNamespaceTask::set_time_offsets). The task's children begin with the same, for
    ///   their programs; those with [memory of their own](super::SpawnTask::spawn_with_memory) are in it
    ///   at once. On the calling thread it is for the programs of what it spawns. Linux before 6.3 leaves
    ///   the program where the task was, and lets such a task spawn nothing: `EINVAL`.
    /// - [`UTS`](Namespaces::UTS), [`IPC`](Namespaces::IPC), [`CGROUP`](Namespaces::CGROUP).
    ///
    /// A driven child shares this program's memory, also when it is in another user namespace. If this program has
    /// `CAP_SYS_PTRACE`, and is root or has `CAP_DAC_OVERRIDE`, its memory is made undumpable for as long as such a
    /// child is there: until then it dumps no core, is debugged only with privileges, and other driven tasks that have
    /// given up `CAP_SYS_PTRACE` do not get at the child's namespaces and fds; `Task::here()` does. Otherwise who has
    /// capabilities in the new namespace, as other processes of this user have from outside, can write to the memory
    /// through `/proc/PID/mem`: run no program in it that you do not trust while a task of this program is still driven
    /// in it, and beware of processes of the same user if this program has capabilities that they have not.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::NET)?;
    /// // It sees no network but its own.
    /// let devices = child.openat(Cwd, "/proc/self/net/dev", OFlags::RDONLY, Mode::empty())?;
    /// # drop(devices);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `unshare`: `EPERM` without `CAP_SYS_ADMIN`, unless `USER` is among `kinds`; `EINVAL`,
    /// `ENOSPC`.
    ///
    /// # References
    ///
    /// [`unshare(2)`](https://man7.org/linux/man-pages/man2/unshare.2.html),
    /// [`namespaces(7)`](https://man7.org/linux/man-pages/man7/namespaces.7.html)
    fn unshare(&self, kinds: Namespaces) -> Result<(), Error> {
        // SAFETY: (2); (3), as the new user namespace is its own. That others may look into it, the interface of a
        // driven task sees.
        unsafe { call(self, Call::UNSHARE, [kinds.bits() as usize]) }.map(drop)
    }

    /// `setns(pidfd, kinds)`—joins the namespaces of these kinds that a process is in, all of them or none.
    ///
    /// Checked: `pidfd` is of this task's fd table. Its process may be in another pid namespace, which
    /// [`setns_pid`](super::UnsharePidTask::setns_pid) makes the task's next children join. An open file of
    /// `/proc/PID/ns` will do if it is of the only kind.
    ///
    /// For each kind this is what the method of that kind says.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let container = here.spawn()?;
    /// let kinds = Namespaces::USER | Namespaces::UTS | Namespaces::NET;
    /// container.unshare(kinds)?;
    /// let child = here.spawn()?;
    /// child.setns(&here.pidfd_open(container.pid())?, kinds)?;
    /// container.sethostname("container")?;
    /// assert_eq!(child.uname()?.nodename(), "container");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `kinds` is empty, if `pidfd` is something else, or for a user namespace that the task is
    /// in; `EPERM` without `CAP_SYS_ADMIN` here and there; `EUSERS` for [`TIME`](Namespaces::TIME) and a task
    /// that shares its memory; `ESRCH` if the process has been reaped.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`namespaces(7)`](https://man7.org/linux/man-pages/man7/namespaces.7.html)
    fn setns(&self, pidfd: impl AsFd<Self::FdTable>, kinds: Namespaces) -> Result<(), Error> {
        if kinds.is_empty() {
            // The kernel would take it for whatever the file is of, a pid namespace included.
            return Err(Error::os(Call::SETNS, Errno::INVAL));
        }
        join(self, &pidfd, kinds)
    }

    /// `setns(fd, CLONE_NEWNS)`—joins a mount namespace.
    ///
    /// Checked: `fd` is of this task's fd table. Root and working directory become the root of that
    /// namespace. On a thread that shares them with others, as all threads do at first, it fails with
    /// `EINVAL`: `unshare` of [`MOUNT`](Namespaces::MOUNT) ends that.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, or if root and working directory are shared;
    /// `EPERM` without `CAP_SYS_ADMIN` and `CAP_SYS_CHROOT`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`mount_namespaces(7)`](https://man7.org/linux/man-pages/man7/mount_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_mount(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::MOUNT)
    }

    /// `setns(fd, CLONE_NEWNET)`—joins a network namespace.
    ///
    /// Checked: `fd` is of this task's fd table. Sockets stay in the namespace they were made in.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let blue = child.openat(Cwd, "/run/netns/blue", OFlags::RDONLY, Mode::empty())?;
    /// child.setns_net(&blue)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, `EPERM` without `CAP_SYS_ADMIN`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`network_namespaces(7)`](https://man7.org/linux/man-pages/man7/network_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_net(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::NET)
    }

    /// `setns(fd, CLONE_NEWUTS)`—joins a namespace of host and domain name.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, `EPERM` without `CAP_SYS_ADMIN`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`uts_namespaces(7)`](https://man7.org/linux/man-pages/man7/uts_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_uts(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::UTS)
    }

    /// `setns(fd, CLONE_NEWIPC)`—joins a namespace of System V IPC and POSIX message queues.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, `EPERM` without `CAP_SYS_ADMIN`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`ipc_namespaces(7)`](https://man7.org/linux/man-pages/man7/ipc_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_ipc(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::IPC)
    }

    /// `setns(fd, CLONE_NEWCGROUP)`—joins a cgroup namespace. The task stays in its cgroup.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, `EPERM` without `CAP_SYS_ADMIN`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`cgroup_namespaces(7)`](https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_cgroup(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::CGROUP)
    }

    /// `setns(fd, CLONE_NEWTIME)`—joins a time namespace: its clocks change at once.
    ///
    /// Checked: `fd` is of this task's fd table. It is for a child with
    /// [memory of its own](super::SpawnTask::spawn_with_memory): to a process that shares its memory, as every
    /// other driven task does, or has several threads, the kernel refuses it, with `EUSERS`.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EUSERS`, `EINVAL` if `fd` is of another kind, `EPERM` without `CAP_SYS_ADMIN`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`time_namespaces(7)`](https://man7.org/linux/man-pages/man7/time_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_time(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::TIME)
    }

    /// `setns(fd, CLONE_NEWUSER)`—joins a user namespace, with every capability in it.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// The memory that a driven child shares is this program's. It is made undumpable for as long as the
    /// child is there, so that nobody can look into it who has capabilities in that namespace only:
    /// until then this program dumps no core, and is debugged only with privileges.
    ///
    /// The calling thread cannot do it in a program with more than one thread, or when it shares its
    /// working directory.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, if it is the task's own user namespace, or if
    /// its process has more than one thread; `EPERM` without `CAP_SYS_ADMIN` there.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_user(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        join(self, &fd, Namespaces::USER)
    }
}

impl<K: far::Task + ?Sized> NamespaceTask for K {}

/// Joins the namespaces of `kinds`, of which there is one at least, that `fd` stands for.
fn join<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    kinds: Namespaces,
) -> Result<(), Error> {
    // SAFETY: (1), (2), as the kernel refuses an fd of another kind; (3).
    unsafe { call(task, Call::SETNS, [near(task, Call::SETNS, fd)?, kinds.bits() as usize]) }
        .map(drop)
}
