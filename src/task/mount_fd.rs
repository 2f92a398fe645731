//! Mounts, by fd.
//!
//! # Safety
//!
//! 1. Every fd number in a call, also in a structure, comes from a handle or a borrow of the task's own
//!    table (`near`), and stays open for the call.
//! 2. Every address in a call is lent for the call: a path with its NUL, or a structure with its size.
//! 3. Flags are masked to those that this room knows, and none of them makes the call another
//!    operation than the method says.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::fs::AtFlags;
use rustix::mount::{MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags};
use rustix::path;

use crate::far;
use crate::handle::{AsDirFd, AsFd, AsMountFd, MountFd};
use crate::interface::{Call, Error, SyscallInterface};

use super::arguments::{call, dirfd, known, near, received, with_path};

/// Calls on mounts that are held by an fd.
///
/// A mount can be cloned, changed and filled before it is attached anywhere, and so before anybody
/// sees it. For new file systems see [`FsContextTask`](super::FsContextTask), for calls by path alone
/// [`MountTask`](super::MountTask), which also says whose mounts are changed.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
/// // Everything in it is read-only.
/// let read_only =
///     MountAttr { attr_set: MountAttrFlags::MOUNT_ATTR_RDONLY, ..MountAttr::default() };
/// child.mount_setattr(Cwd, "/", AT_RECURSIVE, read_only)?;
/// let denied = child.openat(Cwd, "/tmp", OFlags::TMPFILE | OFlags::WRONLY, Mode::RUSR);
/// assert_eq!(denied.unwrap_err().errno(), Some(Errno::ROFS));
/// # Ok(())
/// # }
/// ```
///
/// A path with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before, [`Hangup`](crate::ErrorKind::Hangup) if it died
/// meanwhile.
pub trait MountFdTask: far::Task {
    /// `open_tree(directory, path, flags)`—an fd of a directory or file and the mount it is in; with
    /// `OPEN_TREE_CLONE` of a detached copy of that mount, as a bind mount would be.
    ///
    /// Checked: `directory` is of this task's fd table. `OPEN_TREE_CLOEXEC` is always set. With
    /// `AT_RECURSIVE` the copy has everything that is mounted below, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE;
    /// let etc = child.open_tree(Cwd, "/etc", clone)?;
    /// child.move_mount_fd(&etc, Cwd, "/tmp", MoveMountFlags::empty())?;
    /// let passwd = child.openat(Cwd, "/tmp/passwd", OFlags::RDONLY, Mode::empty())?;
    /// # drop(passwd);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `open_tree`: `EPERM` for a clone without `CAP_SYS_ADMIN`, `EINVAL` for `AT_RECURSIVE` without
    /// `OPEN_TREE_CLONE`, or if the clone would show what mounts of a more privileged namespace hide;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`open_tree(2)`](https://man7.org/linux/man-pages/man2/open_tree.2.html)
    fn open_tree(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: OpenTreeFlags,
    ) -> Result<MountFd<Self::FdTable>, Error> {
        let allowed = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH
            | OpenTreeFlags::AT_NO_AUTOMOUNT
            | OpenTreeFlags::AT_RECURSIVE
            | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
        let flags = known(Call::OPEN_TREE, flags.bits(), allowed.bits())?
            | OpenTreeFlags::OPEN_TREE_CLOEXEC.bits() as usize;
        let number = with_path(self, Call::OPEN_TREE, path, |path| {
            let arguments = [dirfd(self, Call::OPEN_TREE, &directory)?, path, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::OPEN_TREE, arguments) }
        })?;
        // SAFETY: (4)
        unsafe { received(self, number) }.map(MountFd::from)
    }

    /// `move_mount(mount, "", directory, path, flags | MOVE_MOUNT_F_EMPTY_PATH)`—attaches a detached
    /// mount, or moves one that is attached.
    ///
    /// Checked: `mount` and `directory` are of this task's fd table. With `MOVE_MOUNT_BENEATH` (Linux 6.5 and
    /// later) it goes below the mount that is at `path` already. `mount` stays an fd of it, also when it is attached. A
    /// detached one can come from another mount namespace, also a more privileged one.
    ///
    /// # Errors
    ///
    /// As [`move_mount`](Self::move_mount).
    ///
    /// # References
    ///
    /// [`move_mount(2)`](https://man7.org/linux/man-pages/man2/move_mount.2.html)
    #[doc(alias = "move_mount")]
    fn move_mount_fd(
        &self,
        mount: impl AsMountFd<Self::FdTable>,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: MoveMountFlags,
    ) -> Result<(), Error> {
        let flags = known(Call::MOVE_MOUNT, flags.bits(), KNOWN_MOVES.bits())?
            | MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH.bits() as usize;
        move_mount(self, (near(self, Call::MOVE_MOUNT, &mount)?, c""), (&directory, path), flags)
    }

    /// `move_mount(from_directory, from_path, directory, path, flags)`—moves the mount that is at a
    /// path to another one, with everything below it.
    ///
    /// Checked: both directories are of this task's fd table. With `MOVE_MOUNT_F_EMPTY_PATH` an empty
    /// `from_path` is `from_directory` itself, with `MOVE_MOUNT_T_EMPTY_PATH` an empty `path` is
    /// `directory`. Symbolic links at the end of a path are not followed without `MOVE_MOUNT_F_SYMLINKS`
    /// and `MOVE_MOUNT_T_SYMLINKS`.
    ///
    /// # Errors
    ///
    /// Of `move_mount`: `EINVAL` if there is no mount at `from_path`, if it is below one that propagates,
    /// or in another mount namespace; `ELOOP` if `path` is in it; `EPERM` without `CAP_SYS_ADMIN`;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know, and for
    /// `MOVE_MOUNT_SET_GROUP`, which moves nothing.
    ///
    /// # References
    ///
    /// [`move_mount(2)`](https://man7.org/linux/man-pages/man2/move_mount.2.html)
    fn move_mount(
        &self,
        from_directory: impl AsDirFd<Self::FdTable>,
        from_path: impl path::Arg,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: MoveMountFlags,
    ) -> Result<(), Error> {
        let from = (dirfd(self, Call::MOVE_MOUNT, &from_directory)?, from_path);
        let flags = known(Call::MOVE_MOUNT, flags.bits(), KNOWN_MOVES.bits())?;
        move_mount(self, from, (&directory, path), flags)
    }

    /// `move_mount(from_directory, from_path, directory, path, flags | MOVE_MOUNT_SET_GROUP)`—has the
    /// mount at `path` propagate to and from those that the one at `from_path` does, and moves nothing.
    ///
    /// Checked: both directories are of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `move_mount`: `EINVAL` if one of them is not a mount, if they are not of one file system, if
    /// the first does not propagate, or if the second does already; `EPERM` without `CAP_SYS_ADMIN`;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) as [`move_mount`](Self::move_mount), and for
    /// `MOVE_MOUNT_BENEATH`.
    ///
    /// # References
    ///
    /// [`move_mount(2)`](https://man7.org/linux/man-pages/man2/move_mount.2.html),
    /// [`mount_namespaces(7)`](https://man7.org/linux/man-pages/man7/mount_namespaces.7.html)
    #[doc(alias = "MOVE_MOUNT_SET_GROUP")]
    fn move_mount_set_group(
        &self,
        from_directory: impl AsDirFd<Self::FdTable>,
        from_path: impl path::Arg,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: MoveMountFlags,
    ) -> Result<(), Error> {
        let allowed = KNOWN_MOVES.difference(MoveMountFlags::MOVE_MOUNT_BENEATH);
        let flags = known(Call::MOVE_MOUNT, flags.bits(), allowed.bits())?
            | MoveMountFlags::MOVE_MOUNT_SET_GROUP.bits() as usize;
        let from = (dirfd(self, Call::MOVE_MOUNT, &from_directory)?, from_path);
        move_mount(self, from, (&directory, path), flags)
    }

    /// `mount_setattr(directory, path, flags, attr)`—changes the flags and the propagation of a mount;
    /// with [`AT_RECURSIVE`] also of all mounts below it, or of none if one of them cannot be changed.
    ///
    /// Checked: `directory` is of this task's fd table. `flags` say how the path is looked up; with
    /// `EMPTY_PATH` an empty path is `directory` itself. Flags that `attr` does not name stay as they
    /// are. All that it names are changed at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// let etc = child.open_tree(Cwd, "/etc", OpenTreeFlags::OPEN_TREE_CLONE)?;
    /// let attr = MountAttr {
    ///     attr_set: MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NODEV,
    ///     propagation: MountPropagationFlags::PRIVATE,
    ///     ..MountAttr::default()
    /// };
    /// child.mount_setattr(&etc, "", AtFlags::EMPTY_PATH, attr)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mount_setattr`: `EINVAL` if there is no mount at `path`, if it is in another mount namespace,
    /// for more than one kind of propagation, and for times on access that are set while
    /// `MOUNT_ATTR__ATIME` is not cleared; `EPERM` without `CAP_SYS_ADMIN`, or if it would take off a
    /// flag that a more privileged namespace has put on; `EBUSY` if it is to be read-only and is written
    /// to; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know, and for
    /// `MOUNT_ATTR_IDMAP`: see [`mount_setattr_idmap`](Self::mount_setattr_idmap).
    ///
    /// # References
    ///
    /// [`mount_setattr(2)`](https://man7.org/linux/man-pages/man2/mount_setattr.2.html)
    fn mount_setattr(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: AtFlags,
        attr: MountAttr,
    ) -> Result<(), Error> {
        let propagation = MountPropagationFlags::SHARED
            | MountPropagationFlags::PRIVATE
            | MountPropagationFlags::DOWNSTREAM
            | MountPropagationFlags::UNBINDABLE;
        let propagation =
            known(Call::MOUNT_SETATTR, attr.propagation.bits(), propagation.bits())? as u64;
        let attr = KernelMountAttr {
            attr_set: known_attributes(Call::MOUNT_SETATTR, attr.attr_set)?,
            attr_clr: known_attributes(Call::MOUNT_SETATTR, attr.attr_clr)?,
            propagation,
            userns_fd: 0,
        };
        mount_setattr(self, &directory, path, flags, &attr)
    }

    /// `mount_setattr(directory, path, flags, {MOUNT_ATTR_IDMAP, userns})`—has a detached mount show
    /// other owners of its files: user 0 of the user namespace stands for the user that is 0 in the
    /// file system, and so on.
    ///
    /// Checked: `directory` and `userns`, an open `/proc/PID/ns/user`, are of this task's fd table. The
    /// namespace's maps have to be written before, and count as they are then. With [`AT_RECURSIVE`]
    /// also all mounts below it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::MOUNT)?;
    /// let userns = child.openat(Cwd, "/proc/1234/ns/user", OFlags::RDONLY, Mode::empty())?;
    /// let data = child.open_tree(Cwd, "/srv/data", OpenTreeFlags::OPEN_TREE_CLONE)?;
    /// child.mount_setattr_idmap(&data, "", AtFlags::EMPTY_PATH, &userns)?;
    /// child.move_mount_fd(&data, Cwd, "/mnt", MoveMountFlags::empty())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mount_setattr`: `EINVAL` if the mount is or was attached, if its file system does not do it,
    /// or if the namespace has no maps; `EBADF` if `userns` is no namespace; `EPERM` for the initial user
    /// namespace, for a mount that has a map already, and without `CAP_SYS_ADMIN` in the namespace and
    /// over the file system; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) as
    /// [`mount_setattr`](Self::mount_setattr).
    ///
    /// # References
    ///
    /// [`mount_setattr(2)`](https://man7.org/linux/man-pages/man2/mount_setattr.2.html)
    #[doc(alias = "MOUNT_ATTR_IDMAP")]
    fn mount_setattr_idmap(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: AtFlags,
        userns: impl AsFd<Self::FdTable>,
    ) -> Result<(), Error> {
        let attr = KernelMountAttr {
            attr_set: MountAttrFlags::MOUNT_ATTR_IDMAP.bits().into(),
            attr_clr: 0,
            propagation: 0,
            userns_fd: near(self, Call::MOUNT_SETATTR, &userns)? as u64,
        };
        mount_setattr(self, &directory, path, flags, &attr)
    }
}

impl<K: far::Task + ?Sized> MountFdTask for K {}

/// Not only the mount, but also all that are below it: for [`MountFdTask::mount_setattr`].
pub const AT_RECURSIVE: AtFlags = AtFlags::from_bits_retain(libc::AT_RECURSIVE as u32);

/// What [`MountFdTask::mount_setattr`] changes. By default nothing.
///
/// Of the flags for times on access, one is set by clearing `MOUNT_ATTR__ATIME` together with setting
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountAttr {
    /// Flags to set.
    pub attr_set: MountAttrFlags,
    /// Flags to clear, before others are set.
    pub attr_clr: MountAttrFlags,
    /// `SHARED`, `PRIVATE`, `DOWNSTREAM` or `UNBINDABLE`; empty leaves it as it is.
    pub propagation: MountPropagationFlags,
}

impl Default for MountAttr {
    fn default() -> Self {
        MountAttr {
            attr_set: MountAttrFlags::empty(),
            attr_clr: MountAttrFlags::empty(),
            propagation: MountPropagationFlags::empty(),
        }
    }
}

/// `struct mount_attr`.
struct KernelMountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

impl KernelMountAttr {
    const SIZE: usize = MountAttrFlags::MOUNT_ATTR_SIZE_VER0.bits() as usize;

    fn bytes(&self) -> [u8; Self::SIZE] {
        let fields = [self.attr_set, self.attr_clr, self.propagation, self.userns_fd];
        let bytes = fields.map(u64::to_ne_bytes);
        bytes.as_flattened().try_into().expect("four fields of 8 bytes")
    }
}

/// The flags of a mount, without those that take more than a flag.
pub(super) fn known_attributes(call: Call, flags: MountAttrFlags) -> Result<u64, Error> {
    let allowed = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC
        | MountAttrFlags::MOUNT_ATTR__ATIME
        | MountAttrFlags::MOUNT_ATTR_NODIRATIME
        | MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW;
    Ok(known(call, flags.bits(), allowed.bits())? as u64)
}

/// Those that say where a mount goes.
const KNOWN_MOVES: MoveMountFlags = MoveMountFlags::MOVE_MOUNT_F_SYMLINKS
    .union(MoveMountFlags::MOVE_MOUNT_F_AUTOMOUNTS)
    .union(MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
    .union(MoveMountFlags::MOVE_MOUNT_T_SYMLINKS)
    .union(MoveMountFlags::MOVE_MOUNT_T_AUTOMOUNTS)
    .union(MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)
    .union(MoveMountFlags::MOVE_MOUNT_BENEATH);

/// From a `dirfd` and a path to others.
fn move_mount<K: far::Task + ?Sized>(
    task: &K,
    (from_directory, from_path): (usize, impl path::Arg),
    (directory, path): (&impl AsDirFd<K::FdTable>, impl path::Arg),
    flags: usize,
) -> Result<(), Error> {
    with_path(task, Call::MOVE_MOUNT, from_path, |from_path| {
        with_path(task, Call::MOVE_MOUNT, path, |path| {
            let to = dirfd(task, Call::MOVE_MOUNT, directory)?;
            let arguments = [from_directory, from_path, to, path, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(task, Call::MOVE_MOUNT, arguments) }.map(drop)
        })
    })
}

fn mount_setattr<K: far::Task + ?Sized>(
    task: &K,
    directory: &impl AsDirFd<K::FdTable>,
    path: impl path::Arg,
    flags: AtFlags,
    attr: &KernelMountAttr,
) -> Result<(), Error> {
    let allowed =
        AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT | AtFlags::SYMLINK_NOFOLLOW | AT_RECURSIVE;
    let flags = known(Call::MOUNT_SETATTR, flags.bits(), allowed.bits())?;
    let bytes = attr.bytes();
    with_path(task, Call::MOUNT_SETATTR, path, |path| {
        task.interface().lend(&bytes, |attr| {
            let directory = dirfd(task, Call::MOUNT_SETATTR, directory)?;
            let arguments = [directory, path, flags, attr, bytes.len()];
            // SAFETY: (1), (2), (3)
            unsafe { call(task, Call::MOUNT_SETATTR, arguments) }.map(drop)
        })
    })
}
