//! Namespaces that change no brand: users, mounts, networks, names, IPC, cgroups.
//!
//! # Safety
//!
//! 1. An fd in a call is of the task's own table and stays open for the call.
//! 2. A call names the kinds of namespaces that it changes, and fds, addresses and pids mean the
//!    same in all of them: pid and time namespaces and the fd table are not among them.
//! 3. What the kernel writes to is lent to it for the call.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
//! 5. No call changes what belongs to the memory that the task shares (the dumpable flag), or takes
//!    the death signal from a driven task. The kernel does both when a task gains capabilities
//!    (`commit_creds`), which by its rules (`cred_cap_issubset`) it does not in a user namespace that
//!    it has made itself, or that its own user has made right below its own.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::io::Errno;

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error};
use crate::namespaces::Namespaces;

use super::arguments::{call, near, received, with_out};

/// Namespaces of a task's own, and those of others.
///
/// On a driven task these calls act on that process. On the calling thread they act on **that thread
/// alone**: the other threads of the program stay where they are, and what the thread spawns from
/// then on is where it is.
///
/// An fd of a namespace is an open file of `/proc/PID/ns`. A pidfd stands for the namespace of that
/// kind that its process is in, except for [`setns_user`](Self::setns_user).
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait SchedTask: far::Task {
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
    /// - [`UTS`](Namespaces::UTS), [`IPC`](Namespaces::IPC), [`CGROUP`](Namespaces::CGROUP).
    ///
    /// A driven child shares this program's memory, also when it is in another user namespace. Who
    /// has capabilities there can write to it through `/proc/PID/mem`: run no program there that you
    /// do not trust while a task of this program is still driven in it.
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
        // SAFETY: (2); (5), as the new user namespace is its own.
        unsafe { call(self, Call::UNSHARE, [kinds.bits() as usize]) }.map(drop)
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
        setns(self, &fd, Namespaces::MOUNT)
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
        setns(self, &fd, Namespaces::NET)
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
        setns(self, &fd, Namespaces::UTS)
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
        setns(self, &fd, Namespaces::IPC)
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
        setns(self, &fd, Namespaces::CGROUP)
    }

    /// `setns(fd, CLONE_NEWUSER)`—joins a user namespace, with every capability in it.
    ///
    /// Checked: `fd` is of this task's fd table, and no pidfd. The namespace, or the one it is in
    /// right below the task's own, was made by the task's own effective user. In one of somebody
    /// else's, which only a privileged task could join, the kernel would take this program's dumpable
    /// flag, which belongs to the memory that a driven child shares, and the child's death signal; so
    /// that is `EPERM`, also for a user whose id is 65534, which stands for "not mapped".
    ///
    /// The calling thread cannot do it in a program with more than one thread, or when it shares its
    /// working directory. What [`unshare`](Self::unshare) says about the memory of a driven child
    /// holds here, too: the programs that are in the namespace already can get at it.
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, if it is the task's own user namespace, or if
    /// its process has more than one thread; `EPERM` as said above, or without `CAP_SYS_ADMIN` there.
    /// Of the look at the namespace: `EMFILE`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html),
    /// [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)
    #[doc(alias = "setns")]
    fn setns_user(&self, fd: impl AsFd<Self::FdTable>) -> Result<(), Error> {
        match maker_below(self, &fd)? {
            Some(maker) if maker != effective_user(self)? || maker == NOT_MAPPED => {
                Err(Error::os(Call::SETNS, Errno::PERM))
            }
            // `None`: the kernel refuses it.
            _ => setns(self, &fd, Namespaces::USER),
        }
    }
}

impl<K: far::Task + ?Sized> SchedTask for K {}

/// Joins the namespace of `kind` that `fd` is of. For user namespaces, look at it first: room (5).
fn setns<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    kind: Namespaces,
) -> Result<(), Error> {
    // SAFETY: (1), (2), as the kernel refuses an fd of another kind; (5) by the callers.
    unsafe { call(task, Call::SETNS, [near(task, fd), kind.bits() as usize]) }.map(drop)
}

/// What the kernel says instead of a user that is not mapped (the default of `overflowuid`).
const NOT_MAPPED: u32 = 65534;

/// Who made the user namespace that is right below the task's own and is `fd`'s or has it inside.
/// `None` if `fd`'s is the task's own, or not inside the task's own at all.
fn maker_below<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
) -> Result<Option<u32>, Error> {
    if !is_user_namespace(task, fd)? {
        return Err(Error::os(Call::SETNS, Errno::INVAL));
    }
    let Some(mut parent) = parent_of(task, fd)? else { return Ok(None) };
    let mut maker = maker_of(task, fd)?;
    while let Some(above) = parent_of(task, &parent)? {
        maker = maker_of(task, &parent)?;
        parent = above;
    }
    Ok(Some(maker))
}

// `linux/nsfs.h`.
const NS_GET_PARENT: usize = 0xb702;
const NS_GET_NSTYPE: usize = 0xb703;
const NS_GET_OWNER_UID: usize = 0xb704;

/// Whether it is one. A driver could mean something else by the numbers above: only files of `nsfs`
/// are asked, and only when this has said yes, the other two.
fn is_user_namespace<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
) -> Result<bool, Error> {
    let file: libc::statfs = with_out(task, |address| {
        // SAFETY: (1), (3)
        unsafe { call(task, Call::FSTATFS, [near(task, fd), address]) }
    })?;
    if file.f_type as u64 != libc::NSFS_MAGIC as u64 {
        return Ok(false);
    }
    // SAFETY: (1); no pointer.
    let kind = unsafe { call(task, Call::IOCTL, [near(task, fd), NS_GET_NSTYPE, 0]) }?;
    Ok(kind as u64 == Namespaces::USER.bits())
}

/// The user namespace that a user namespace is in; `None` if it is not inside the task's own.
fn parent_of<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
) -> Result<Option<Fd<K::FdTable>>, Error> {
    // SAFETY: (1); no pointer.
    match unsafe { call(task, Call::IOCTL, [near(task, fd), NS_GET_PARENT, 0]) } {
        // SAFETY: (4)
        Ok(number) => unsafe { received(task, number) }.map(Some),
        Err(error) if error.errno() == Some(Errno::PERM) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who made a user namespace, as the task sees users.
fn maker_of<K: far::Task + ?Sized>(task: &K, fd: &impl AsFd<K::FdTable>) -> Result<u32, Error> {
    let maker: [u32; 1] = with_out(task, |address| {
        // SAFETY: (1), (3)
        unsafe { call(task, Call::IOCTL, [near(task, fd), NS_GET_OWNER_UID, address]) }
    })?;
    Ok(maker[0])
}

/// The task's effective user, as it sees itself.
fn effective_user<K: far::Task + ?Sized>(task: &K) -> Result<u32, Error> {
    // SAFETY: no arguments.
    Ok(unsafe { call(task, Call::GETEUID, []) }? as u32)
}
