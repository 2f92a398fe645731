//! User and group ids.
//!
//! # Safety
//!
//! 1. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps
//!    none of them after the call.
//! 2. The user and group ids of a driven child are not changed: it shares this program's memory. Its
//!    supplementary groups may be: the kernel asks for ids, and not for them, where it decides who may
//!    look into a process, and takes their change for none of privileges.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::fs::{Gid, OFlags, Uid};
use rustix::io::Errno;

use crate::far;
use crate::handle::{AsProcess, with_number_of};
use crate::id_map::IdMap;
use crate::interface::{Call, Error, SyscallInterface};

use super::DrivenTask;
use super::arguments::{
    call, field_in_proc, open_in_proc, with_bytes_of_sizes, with_out, write_text,
};

/// What a group takes in a list.
const GROUP: usize = size_of::<u32>();

/// For as many groups as most have, and for as many as there can be: `NGROUPS_MAX`.
const GROUP_SIZES: [usize; 2] = [64 * GROUP, 65536 * GROUP];

/// The three user ids or group ids of a task: `Ids<Uid>` or `Ids<Gid>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ids<Id> {
    /// The real one.
    pub real: Id,
    /// The effective one, which decides about most things.
    pub effective: Id,
    /// The saved one, to which the effective one can go back.
    pub saved: Id,
}

/// Calls on who a task is.
///
/// They ask, and write id maps. Setting user and group ids is a matter of the exec, by [`Exec::uid`](super::Exec::uid)
/// and [`Exec::gid`](super::Exec::gid): a driven task shares this program's memory, which would be open to that user.
/// The calling thread has no such call either: it would set the ids of that one thread, beside the others in the same
/// memory. Driven tasks only have [`setgroups`](Self::setgroups).
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait CredentialsTask: far::Task {
    /// `getresuid()`—the user ids.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// assert_eq!(here.spawn()?.getresuid()?, here.getresuid()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getresuid(2)`](https://man7.org/linux/man-pages/man2/getresuid.2.html)
    #[doc(alias = "getuid")]
    #[doc(alias = "geteuid")]
    fn getresuid(&self) -> Result<Ids<Uid>, Error> {
        three_ids(self, Call::GETRESUID, Uid::from_raw_unchecked)
    }

    /// `getresgid()`—the group ids, without the supplementary ones.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getresgid(2)`](https://man7.org/linux/man-pages/man2/getresuid.2.html)
    #[doc(alias = "getgid")]
    #[doc(alias = "getegid")]
    fn getresgid(&self) -> Result<Ids<Gid>, Error> {
        three_ids(self, Call::GETRESGID, Gid::from_raw_unchecked)
    }

    /// `getgroups()`—the supplementary group ids.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getgroups(2)`](https://man7.org/linux/man-pages/man2/getgroups.2.html)
    fn getgroups(&self) -> Result<Vec<Gid>, Error> {
        let list = |address, size| {
            // SAFETY: (1)
            let count = unsafe { call(self, Call::GETGROUPS, [size / GROUP, address]) }?;
            Ok(count.saturating_mul(GROUP))
        };
        let groups = with_bytes_of_sizes(self, Call::GETGROUPS, &GROUP_SIZES, Errno::INVAL, list)?;
        let id = |bytes: &[u8]| {
            Gid::from_raw_unchecked(u32::from_ne_bytes(bytes.try_into().expect("4 bytes")))
        };
        Ok(groups.chunks_exact(GROUP).map(id).collect())
    }

    /// `setgroups(groups)`—sets the supplementary group ids.
    ///
    /// For what the task opens from now on, and for its program. An exec with another
    /// [`uid`](super::Exec::uid) drops them, unless it is told
    /// [`groups`](super::Exec::groups), too. Driven tasks only: on the calling thread, it would be that
    /// one thread's groups.
    ///
    /// # Errors
    ///
    /// Of `setgroups`: `EPERM` without `CAP_SETGID`, or where it is denied, `EINVAL` for more than 65536,
    /// or an id that the user namespace does not have.
    ///
    /// # References
    ///
    /// [`setgroups(2)`](https://man7.org/linux/man-pages/man2/getgroups.2.html)
    fn setgroups(&self, groups: &[Gid]) -> Result<(), Error>
    where
        Self: DrivenTask,
    {
        let bytes: Vec<u8> = groups.iter().flat_map(|group| group.as_raw().to_ne_bytes()).collect();
        self.interface().lend(&bytes, |list| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::SETGROUPS, [groups.len(), list]) }.map(drop)
        })
    }

    /// `write(/proc/PID/uid_map, maps)`—says which user ids there are in the new user namespace of a
    /// task, and which ones of this task's they are.
    ///
    /// All at once, and once only. Checked: `child` has a number in this task's pid namespace, as the init of
    /// one that is inside of this process's has, and it is `child` itself, not who might have got its pid.
    /// `/proc` has to be mounted, for this task's pid namespace. The task has to be in the user namespace that
    /// the new one was made in, or in the new one.
    ///
    /// Who has no privileges may map their own id alone, [`IdMap::own_uid_as`]. The ranges that `/etc/subuid` gives
    /// them are mapped by `newuidmap(1)`: in place of this call, run that with the child's
    /// [`host_pid`](super::DrivenTask::host_pid).
    ///
    /// The task keeps its ids, and whoever has one that is in no map can make no file: `EOVERFLOW`, of `mkdirat` and the
    /// like. So have its own id among the maps, or make what is needed before, or by a task that is mapped. The program
    /// can be [another user](crate::task::Exec::uid).
    ///
    /// # Errors
    ///
    /// Of `openat` and `write`: `EPERM` for a map that this task may not make, or if there is one already,
    /// `EINVAL` for ranges that overlap, or for none; `ESRCH` if `child` has ended, and `ENOENT` if `/proc` is
    /// another pid namespace's, or no procfs.
    ///
    /// # References
    ///
    /// [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)
    #[doc(alias = "newuidmap")]
    fn write_uid_map(
        &self,
        child: &(impl AsProcess<Self::PidNamespace> + ?Sized),
        maps: &[IdMap],
    ) -> Result<(), Error> {
        write_file_of(self, child, "uid_map", &IdMap::lines(maps))
    }

    /// `write(/proc/PID/gid_map, maps)`—says which group ids there are in the new user namespace of a
    /// task. As [`write_uid_map`](Self::write_uid_map).
    ///
    /// Without `CAP_SETGID`, [`deny_setgroups`](Self::deny_setgroups) has to come first.
    ///
    /// # Errors
    ///
    /// As [`write_uid_map`](Self::write_uid_map).
    ///
    /// # References
    ///
    /// [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)
    #[doc(alias = "newgidmap")]
    fn write_gid_map(
        &self,
        child: &(impl AsProcess<Self::PidNamespace> + ?Sized),
        maps: &[IdMap],
    ) -> Result<(), Error> {
        write_file_of(self, child, "gid_map", &IdMap::lines(maps))
    }

    /// `write(/proc/PID/setgroups, "deny")`—forbids `setgroups` for good in the user namespace of a task.
    ///
    /// Dropping a group can give rights, where a file says that everybody but the group may read it.
    /// Checked: as [`write_uid_map`](Self::write_uid_map).
    ///
    /// # Errors
    ///
    /// Of `openat` and `write`: `EPERM` if there is a map of groups already, `EACCES` if this task may
    /// not write the file; `ESRCH` and `ENOENT` as
    /// [`write_uid_map`](Self::write_uid_map).
    ///
    /// # References
    ///
    /// [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)
    fn deny_setgroups(
        &self,
        child: &(impl AsProcess<Self::PidNamespace> + ?Sized),
    ) -> Result<(), Error> {
        write_file_of(self, child, "setgroups", "deny")
    }
}

impl<K: far::Task + ?Sized> CredentialsTask for K {}

fn three_ids<K: far::Task + ?Sized, Id>(
    task: &K,
    name: Call,
    id: impl Fn(u32) -> Id,
) -> Result<Ids<Id>, Error> {
    let ids: [u32; 3] = with_out(task, |ids| {
        let size = size_of::<u32>();
        // SAFETY: (1): three ids, one after the other.
        unsafe { call(task, name, [ids, ids + size, ids + 2 * size]) }
    })?;
    let [real, effective, saved] = ids.map(id);
    Ok(Ids { real, effective, saved })
}

/// Has `task` write a file of `/proc/PID`, at once: the kernel takes a map in one piece.
fn write_file_of<K: far::Task + ?Sized>(
    task: &K,
    owner: &(impl AsProcess<K::PidNamespace> + ?Sized),
    name: &str,
    text: &str,
) -> Result<(), Error> {
    if !lives_where_proc_is(task)? {
        // There, the number would be a stranger's.
        return Err(Error::os(Call::OPENAT, Errno::NOENT));
    }
    // The open file is about one process, and it is this one, if that still lives then.
    let file = with_number_of(owner, Call::OPENAT, |number| {
        open_in_proc(task, &format!("/proc/{number}/{name}"), OFlags::WRONLY)
    })?;
    write_text(task, &file, text)
}

/// Whether the mounted `/proc` is that of the pid namespace that a task lives in. Of a task in one inside of that, it
/// tells several numbers; the first may be the same as the task's own.
fn lives_where_proc_is<K: far::Task + ?Sized>(task: &K) -> Result<bool, Error> {
    let numbers = field_in_proc(task, "/proc/self/status", "NSpid:")?;
    // A kernel without pid namespaces does not tell.
    Ok(numbers.is_none_or(|numbers| numbers.split_whitespace().count() == 1))
}
