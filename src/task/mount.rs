//! Mounts.
//!
//! # Safety
//!
//! 1. Every address in a call is lent for the call: a path with its NUL, or a page of options, which
//!    is what the kernel reads of them.
//! 2. Flags are masked to those that this room knows, and none of them makes the call another
//!    operation than the method says.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::CStr;

use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::path;

use crate::far;
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};

use super::arguments::{call, known, with_path};
use super::fs_context::is_number_of_fd;

/// Calls on mounts, by path.
///
/// They act on the mount namespace that the task is in, and every process there sees what they do.
/// Paths are the task's: they start at its root and working directory. A driven child, and the
/// calling thread, get a namespace of their own by [`unshare`](super::NamespaceTask::unshare); to keep
/// its mounts from propagating to where they were copied from, call
/// [`mount_change`](Self::mount_change) first. Mounts and file systems can also be held by an fd:
/// [`MountFdTask`](super::MountFdTask), [`FsContextTask`](super::FsContextTask).
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
/// child.mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
/// child.mount("none", "/tmp", "tmpfs", MountFlags::NODEV | MountFlags::NOSUID, None)?;
/// # Ok(())
/// # }
/// ```
///
/// A path or another string with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before, [`Hangup`](crate::ErrorKind::Hangup) if it died
/// meanwhile.
pub trait MountTask: far::Task {
    /// `mount(source, target, filesystemtype, mountflags, data)`—mounts a file system.
    ///
    /// `source` is what the file system takes it for: a device, a server's name, or a mere label. `data` are its
    /// options, such as `c"size=1m,mode=700"`. Options that are the number of an fd, such as FUSE's, are refused:
    /// [`fsopen_with_fds`](super::FsContextTask::fsopen_with_fds) passes such an fd.
    ///
    /// # Errors
    ///
    /// Of `mount`: `EPERM` without `CAP_SYS_ADMIN`, `ENODEV` for a file system that the kernel does not have, `EINVAL`
    /// for options that it does not know, ...; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags that mean
    /// another operation (`MS_BIND`, `MS_REMOUNT`, `MS_MOVE`, propagation, and `MS_REC`, which goes with those), and
    /// for flags this library does not know; [`NumberOfFd`](crate::ErrorKind::NumberOfFd) for the options `fd`, `rfdno`
    /// and `wfdno`; `EINVAL` for options of 4096 bytes or more, of which the kernel would read only a part.
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html)
    fn mount(
        &self,
        source: impl path::Arg,
        target: impl path::Arg,
        fstype: impl path::Arg,
        flags: MountFlags,
        data: Option<&CStr>,
    ) -> Result<(), Error> {
        let flags = known(Call::MOUNT, flags.bits(), MOUNTING.bits())? as u64;
        with_path(self, Call::MOUNT, source, |source| {
            with_path(self, Call::MOUNT, fstype, |fstype| {
                mount(self, source, target, fstype, flags, data)
            })
        })
    }

    /// `mount(source, target, NULL, MS_BIND, NULL)`—shows a directory or file at a second place,
    /// without what is mounted below it.
    ///
    /// # Errors
    ///
    /// Of `mount`: `EINVAL` if there are mounts below `source` that a more privileged namespace has
    /// made, as what they hide would be seen.
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html)
    #[doc(alias = "MS_BIND")]
    fn mount_bind(&self, source: impl path::Arg, target: impl path::Arg) -> Result<(), Error> {
        mount_from(self, source, target, libc::MS_BIND)
    }

    /// `mount(source, target, NULL, MS_BIND | MS_REC, NULL)`—shows a directory at a second place, with
    /// everything that is mounted below it.
    ///
    /// # Errors
    ///
    /// Of `mount`: `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` if `source` is in another mount namespace, or is not to be
    /// bound.
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html)
    #[doc(alias = "MS_BIND")]
    #[doc(alias = "MS_REC")]
    fn mount_bind_recursive(
        &self,
        source: impl path::Arg,
        target: impl path::Arg,
    ) -> Result<(), Error> {
        mount_from(self, source, target, libc::MS_BIND | libc::MS_REC)
    }

    /// `mount(NULL, target, NULL, flags, NULL)`—sets whether the mount at `target` propagates to and
    /// from the mounts that it was copied from or to.
    ///
    /// With `REC`, also that of all mounts that are below it now.
    ///
    /// # Errors
    ///
    /// Of `mount`: `EINVAL` if `flags` do not hold exactly one of `SHARED`, `PRIVATE`, `DOWNSTREAM` and
    /// `UNBINDABLE`, or if `target` is not a mount; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for
    /// anything but these, `REC` and `SILENT`.
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html),
    /// [`mount_namespaces(7)`](https://man7.org/linux/man-pages/man7/mount_namespaces.7.html)
    #[doc(alias = "MS_PRIVATE")]
    #[doc(alias = "MS_SHARED")]
    #[doc(alias = "MS_SLAVE")]
    #[doc(alias = "MS_UNBINDABLE")]
    fn mount_change(
        &self,
        target: impl path::Arg,
        flags: MountPropagationFlags,
    ) -> Result<(), Error> {
        let types = MountPropagationFlags::SHARED
            | MountPropagationFlags::PRIVATE
            | MountPropagationFlags::DOWNSTREAM
            | MountPropagationFlags::UNBINDABLE;
        let allowed = types | MountPropagationFlags::REC | MountPropagationFlags::SILENT;
        let operation = known(Call::MOUNT, flags.bits(), allowed.bits())? as u64;
        // None of them would be another operation.
        if flags.intersection(types).bits().count_ones() != 1 {
            return Err(Error::os(Call::MOUNT, Errno::INVAL));
        }
        mount(self, 0, target, 0, operation, None)
    }

    /// `mount(NULL, target, NULL, MS_REMOUNT | flags, data)`—changes the flags and options of a
    /// mounted file system, wherever it is mounted.
    ///
    /// All flags are set anew: those that are not in `flags` are off afterwards.
    ///
    /// # Errors
    ///
    /// As [`mount`](Self::mount).
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html)
    #[doc(alias = "MS_REMOUNT")]
    fn mount_remount(
        &self,
        target: impl path::Arg,
        flags: MountFlags,
        data: Option<&CStr>,
    ) -> Result<(), Error> {
        let flags = known(Call::MOUNT, flags.bits(), MOUNTING.bits())? as u64;
        mount(self, 0, target, 0, libc::MS_REMOUNT | flags, data)
    }

    /// `mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | flags, NULL)`—changes the flags of one mount,
    /// such as a bind that is to be read-only, and not of the file system.
    ///
    /// All flags are set anew, as by [`mount_remount`](Self::mount_remount); one for times on access
    /// stays if none is given.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// child.mount_bind("/srv/data", "/mnt")?;
    /// child.mount_remount_bind("/mnt", MountFlags::RDONLY)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mount`: `EPERM` if it would take off a flag that a more privileged namespace has put on;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but `RDONLY`, `NOSUID`, `NODEV`,
    /// `NOEXEC`, `NOSYMFOLLOW`, `NOATIME`, `NODIRATIME`, `RELATIME`, `STRICTATIME` and `SILENT`.
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html)
    #[doc(alias = "MS_REMOUNT")]
    #[doc(alias = "MS_BIND")]
    fn mount_remount_bind(&self, target: impl path::Arg, flags: MountFlags) -> Result<(), Error> {
        let flags = known(Call::MOUNT, flags.bits(), OF_ONE_MOUNT.bits())? as u64;
        mount(self, 0, target, 0, libc::MS_REMOUNT | libc::MS_BIND | flags, None)
    }

    /// `mount(source, target, NULL, MS_MOVE, NULL)`—moves a mount, with everything below it.
    ///
    /// # Errors
    ///
    /// Of `mount`: `EINVAL` if `source` is not a mount, or is below one that propagates.
    ///
    /// # References
    ///
    /// [`mount(2)`](https://man7.org/linux/man-pages/man2/mount.2.html)
    #[doc(alias = "MS_MOVE")]
    fn mount_move(&self, source: impl path::Arg, target: impl path::Arg) -> Result<(), Error> {
        mount_from(self, source, target, libc::MS_MOVE)
    }

    /// `umount2(target, flags)`—takes a mount away.
    ///
    /// # Errors
    ///
    /// Of `umount2`: `EBUSY` if it is used, unless with `DETACH`; `EINVAL` if `target` is not a mount;
    /// `EAGAIN` the first time with `EXPIRE`; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything
    /// but `FORCE`, `DETACH`, `EXPIRE` and `NOFOLLOW`.
    ///
    /// # References
    ///
    /// [`umount2(2)`](https://man7.org/linux/man-pages/man2/umount.2.html)
    #[doc(alias = "umount")]
    #[doc(alias = "unmount")]
    fn umount2(&self, target: impl path::Arg, flags: UnmountFlags) -> Result<(), Error> {
        let allowed = UnmountFlags::FORCE
            | UnmountFlags::DETACH
            | UnmountFlags::EXPIRE
            | UnmountFlags::NOFOLLOW;
        let flags = known(Call::UMOUNT2, flags.bits(), allowed.bits())?;
        with_path(self, Call::UMOUNT2, target, |target| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::UMOUNT2, [target, flags]) }.map(drop)
        })
    }

    /// `pivot_root(new_root, put_old)`—makes the mount `new_root` the root of the mount namespace, and
    /// moves the one that was it to `put_old`, which is at or below `new_root`.
    ///
    /// Root and working directory of every task in the namespace move along, if they were exactly the
    /// old root. Those of the other tasks stay where they are, in what is now at `put_old`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// child.mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    /// child.mount_bind_recursive("/srv/image", "/srv/image")?;
    /// child.pivot_root("/srv/image", "/srv/image/old")?;
    /// child.umount2("/old", UnmountFlags::DETACH)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `pivot_root`: `EINVAL` if `new_root` is not a mount, if `put_old` is not below it, or if one
    /// of the mounts involved propagates; `EBUSY` if one of them is on the root already.
    ///
    /// # References
    ///
    /// [`pivot_root(2)`](https://man7.org/linux/man-pages/man2/pivot_root.2.html)
    fn pivot_root(&self, new_root: impl path::Arg, put_old: impl path::Arg) -> Result<(), Error> {
        with_path(self, Call::PIVOT_ROOT, new_root, |new_root| {
            with_path(self, Call::PIVOT_ROOT, put_old, |put_old| {
                // SAFETY: (1)
                unsafe { call(self, Call::PIVOT_ROOT, [new_root, put_old]) }.map(drop)
            })
        })
    }
}

impl<K: far::Task + ?Sized> MountTask for K {}

/// What one mount of a file system can differ in from another.
const OF_ONE_MOUNT: MountFlags = MountFlags::RDONLY
    .union(MountFlags::NOSUID)
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC)
    .union(MountFlags::NOSYMFOLLOW)
    .union(MountFlags::NOATIME)
    .union(MountFlags::NODIRATIME)
    .union(MountFlags::RELATIME)
    .union(MountFlags::STRICTATIME)
    .union(MountFlags::SILENT);

/// That, and what the file system itself can be told.
const MOUNTING: MountFlags = OF_ONE_MOUNT
    .union(MountFlags::DIRSYNC)
    .union(MountFlags::LAZYTIME)
    .union(MountFlags::PERMIT_MANDATORY_FILE_LOCKING)
    .union(MountFlags::SYNCHRONOUS);

/// An operation that takes two paths.
fn mount_from<K: far::Task + ?Sized>(
    task: &K,
    source: impl path::Arg,
    target: impl path::Arg,
    operation: u64,
) -> Result<(), Error> {
    with_path(task, Call::MOUNT, source, |source| mount(task, source, target, 0, operation, None))
}

/// `source` and `fstype` are lent strings, or 0.
fn mount<K: far::Task + ?Sized>(
    task: &K,
    source: usize,
    target: impl path::Arg,
    fstype: usize,
    flags: u64,
    data: Option<&CStr>,
) -> Result<(), Error> {
    with_path(task, Call::MOUNT, target, |target| {
        let mount = |data: usize| {
            let arguments = [source, target, fstype, flags as usize, data];
            // SAFETY: (1), (2)
            unsafe { call(task, Call::MOUNT, arguments) }.map(drop)
        };
        let Some(data) = data else { return mount(0) };
        if data.to_bytes().split(|byte| *byte == b',').any(is_number_of_fd) {
            return Err(Error::new(Call::MOUNT, ErrorKind::NumberOfFd));
        }
        let page = page_of_options(data).ok_or(Error::os(Call::MOUNT, Errno::INVAL))?;
        task.interface().lend(&page, mount)
    })
}

/// The kernel copies a whole page from where the options begin, and makes its last byte a NUL.
fn page_of_options(options: &CStr) -> Option<Vec<u8>> {
    const PAGE: usize = 4096;
    let mut page = options.to_bytes_with_nul().to_vec();
    (page.len() <= PAGE).then(|| {
        page.resize(PAGE, 0);
        page
    })
}
