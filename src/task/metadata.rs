//! What is known of files: permissions, owners, times, file systems, extended attributes.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table, and stays open
//!    for the call.
//! 2. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps
//!    none of them after the call.
//! 3. Flags are masked to those that this room knows.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::{OsStr, OsString};
use std::mem::offset_of;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{
    Access, AtFlags, Gid, Mode, Stat, StatFs, Statx, StatxFlags, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;
use rustix::path;

use crate::far;
use crate::handle::{AsDirFd, AsFd};
use crate::interface::{Call, Error, SyscallInterface};

use super::arguments::{
    Plain, Told, call, dirfd, known, near, with_bytes_of_sizes, with_lent, with_path, with_told,
};

/// Calls on what is known of files.
///
/// Every fd has to be of the task's own fd table: else the call does not compile.
/// [`Cwd`](crate::handle::Cwd) is the working directory of the task; a path that begins with `/` starts
/// at the task's root, whatever the directory.
///
/// Of the flags, [`AtFlags::SYMLINK_NOFOLLOW`] is for the symbolic link itself that a path ends in, and
/// [`AtFlags::EMPTY_PATH`] with an empty path for the file that the directory argument is open on, which
/// may be of any kind. Flags that a call does not have are
/// [`UnknownFlags`](crate::ErrorKind::UnknownFlags).
///
/// Ids of users and groups are those of the task's user namespace. Permissions are checked for the task; on the calling
/// thread, for that thread.
///
/// A path or name with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait MetadataTask: far::Task {
    /// `faccessat2(directory, path, access, flags)`—whether the task may do this with a file.
    ///
    /// Checked: `directory` is of this task's fd table. Asks for the real ids, or with
    /// [`AtFlags::EACCESS`] for the effective ones, which count when a file is opened. What is true now
    /// may have changed by then.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.faccessat2(Cwd, "/bin/sh", Access::EXEC_OK, AtFlags::EACCESS)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `faccessat2`: `EACCES` if it may not, `ENOENT`, `EROFS`, ...
    ///
    /// # References
    ///
    /// [`faccessat2(2)`](https://man7.org/linux/man-pages/man2/access.2.html)
    #[doc(alias = "access")]
    #[doc(alias = "faccessat")]
    fn faccessat2(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        access: Access,
        flags: AtFlags,
    ) -> Result<(), Error> {
        let anything = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK | Access::EXISTS;
        let access = known(Call::FACCESSAT2, access.bits(), anything.bits())?;
        let flags = known(Call::FACCESSAT2, flags.bits(), (WHICH | AtFlags::EACCESS).bits())?;
        with_path(self, Call::FACCESSAT2, path, |path| {
            let arguments = [dirfd(self, Call::FACCESSAT2, &directory)?, path, access, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::FACCESSAT2, arguments) }.map(drop)
        })
    }

    /// `fchmodat(directory, path, mode, flags)`—sets the permissions of a file.
    ///
    /// Checked: `directory` is of this task's fd table. With flags it is `fchmodat2`, of Linux 6.6 and
    /// later; no file system lets the permissions of a symbolic link be set.
    ///
    /// # Errors
    ///
    /// Of `fchmodat`: `EPERM` if the file is somebody else's, `ENOENT`, ...; with flags `ENOSYS` before
    /// Linux 6.6, and `EOPNOTSUPP` for a symbolic link.
    ///
    /// # References
    ///
    /// [`fchmodat(2)`](https://man7.org/linux/man-pages/man2/chmod.2.html)
    #[doc(alias = "chmod")]
    #[doc(alias = "fchmodat2")]
    fn fchmodat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        mode: Mode,
        flags: AtFlags,
    ) -> Result<(), Error> {
        let flags = known(Call::FCHMODAT, flags.bits(), WHICH.bits())?;
        let mode = permissions(mode);
        with_path(self, Call::FCHMODAT, path, |path| {
            let directory = dirfd(self, Call::FCHMODAT, &directory)?;
            if flags == 0 {
                // SAFETY: (1), (2)
                unsafe { call(self, Call::FCHMODAT, [directory, path, mode]) }.map(drop)
            } else {
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::FCHMODAT2, [directory, path, mode, flags]) }.map(drop)
            }
        })
    }

    /// `fchmod(fd, mode)`—sets the permissions of an open file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fchmod`: `EPERM` if the file is somebody else's, `EBADF` for an fd opened with `O_PATH`.
    ///
    /// # References
    ///
    /// [`fchmod(2)`](https://man7.org/linux/man-pages/man2/chmod.2.html)
    fn fchmod(&self, fd: impl AsFd<Self::FdTable>, mode: Mode) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::FCHMOD, [near(self, Call::FCHMOD, &fd)?, permissions(mode)]) }
            .map(drop)
    }

    /// `fchownat(directory, path, owner, group, flags)`—sets the owner and the group of a file; `None`
    /// leaves it as it is.
    ///
    /// Checked: `directory` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fchownat`: `EPERM` without `CAP_CHOWN`, but that the owner may give the file to a group of
    /// theirs; `EINVAL` for an id that the task's user namespace does not have; `ENOENT`, ...
    ///
    /// # References
    ///
    /// [`fchownat(2)`](https://man7.org/linux/man-pages/man2/chown.2.html)
    #[doc(alias = "chown")]
    #[doc(alias = "lchown")]
    fn fchownat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        owner: Option<Uid>,
        group: Option<Gid>,
        flags: AtFlags,
    ) -> Result<(), Error> {
        let flags = known(Call::FCHOWNAT, flags.bits(), WHICH.bits())?;
        let [owner, group] = ids(owner, group);
        with_path(self, Call::FCHOWNAT, path, |path| {
            let arguments = [dirfd(self, Call::FCHOWNAT, &directory)?, path, owner, group, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::FCHOWNAT, arguments) }.map(drop)
        })
    }

    /// `fchown(fd, owner, group)`—sets the owner and the group of an open file; `None` leaves it as it
    /// is.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fchown`: as [`fchownat`](Self::fchownat); `EBADF` for an fd opened with `O_PATH`.
    ///
    /// # References
    ///
    /// [`fchown(2)`](https://man7.org/linux/man-pages/man2/chown.2.html)
    fn fchown(
        &self,
        fd: impl AsFd<Self::FdTable>,
        owner: Option<Uid>,
        group: Option<Gid>,
    ) -> Result<(), Error> {
        let [owner, group] = ids(owner, group);
        // SAFETY: (1)
        unsafe { call(self, Call::FCHOWN, [near(self, Call::FCHOWN, &fd)?, owner, group]) }
            .map(drop)
    }

    /// `utimensat(directory, path, times, flags)`—sets when a file was last read and written.
    ///
    /// Checked: `directory` is of this task's fd table. For nanoseconds of
    /// [`UTIME_NOW`](rustix::fs::UTIME_NOW) it is the current time, and for
    /// [`UTIME_OMIT`](rustix::fs::UTIME_OMIT) the time stays as it is.
    ///
    /// # Errors
    ///
    /// Of `utimensat`: `EACCES` or `EPERM` if the file is somebody else's, `EINVAL` for nanoseconds of a
    /// second or more, `ENOENT`, ...
    ///
    /// # References
    ///
    /// [`utimensat(2)`](https://man7.org/linux/man-pages/man2/utimensat.2.html)
    #[doc(alias = "utime")]
    #[doc(alias = "utimes")]
    fn utimensat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        times: &Timestamps,
        flags: AtFlags,
    ) -> Result<(), Error> {
        let flags = known(Call::UTIMENSAT, flags.bits(), WHICH.bits())?;
        with_path(self, Call::UTIMENSAT, path, |path| {
            with_lent(self, &mut timespecs(times), |times| {
                let arguments = [dirfd(self, Call::UTIMENSAT, &directory)?, path, times, flags];
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::UTIMENSAT, arguments) }.map(drop)
            })
        })
    }

    /// `utimensat(fd, NULL, times)`—sets when an open file was last read and written.
    ///
    /// Checked: `fd` is of this task's fd table. The times are as of [`utimensat`](Self::utimensat).
    ///
    /// # Errors
    ///
    /// Of `utimensat`: `EACCES` or `EPERM` if the file is somebody else's, `EINVAL` for nanoseconds of a
    /// second or more, `EBADF` for an fd opened with `O_PATH`.
    ///
    /// # References
    ///
    /// [`futimens(3)`](https://man7.org/linux/man-pages/man2/utimensat.2.html)
    #[doc(alias = "futimes")]
    fn futimens(&self, fd: impl AsFd<Self::FdTable>, times: &Timestamps) -> Result<(), Error> {
        with_lent(self, &mut timespecs(times), |times| {
            // SAFETY: (1), (2); without a path it is the file of the fd.
            unsafe { call(self, Call::UTIMENSAT, [near(self, Call::UTIMENSAT, &fd)?, 0, times, 0]) }
                .map(drop)
        })
    }

    /// `statx(directory, path, flags, mask)`—what is known about a file.
    ///
    /// Checked: `directory` is of this task's fd table. `mask` is what is asked for; the `stx_mask` of the
    /// answer says what is there, which may be less or more.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let root = child.statx(Cwd, "/", AtFlags::empty(), StatxFlags::TYPE)?;
    /// assert_eq!(FileType::from_raw_mode(root.stx_mode.into()), FileType::Directory);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `statx`: `ENOENT`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`statx(2)`](https://man7.org/linux/man-pages/man2/statx.2.html)
    #[inline]
    fn statx(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: AtFlags,
        mask: StatxFlags,
    ) -> Result<Statx, Error> {
        let sync = AtFlags::STATX_FORCE_SYNC | AtFlags::STATX_DONT_SYNC;
        let allowed = WHICH | AtFlags::NO_AUTOMOUNT | sync;
        let flags = known(Call::STATX, flags.bits(), allowed.bits())?;
        let mask = known(Call::STATX, mask.bits(), KNOWN_STATX.bits())?;
        let directory = dirfd(self, Call::STATX, &directory)?;
        with_told(self, Call::STATX, |address| {
            with_path(self, Call::STATX, path, |path| {
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::STATX, [directory, path, flags, mask, address]) }
            })
        })
    }

    /// `fstatat(directory, path, flags)`—what is known about a file.
    ///
    /// Checked: `directory` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fstatat`: `ENOENT`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`fstatat(2)`](https://man7.org/linux/man-pages/man2/stat.2.html)
    #[doc(alias = "stat")]
    #[doc(alias = "lstat")]
    #[doc(alias = "newfstatat")]
    #[inline]
    fn fstatat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: AtFlags,
    ) -> Result<Stat, Error> {
        let allowed = WHICH | AtFlags::NO_AUTOMOUNT;
        let flags = known(Call::NEWFSTATAT, flags.bits(), allowed.bits())?;
        let directory = dirfd(self, Call::NEWFSTATAT, &directory)?;
        with_told(self, Call::NEWFSTATAT, |address| {
            with_path(self, Call::NEWFSTATAT, path, |path| {
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::NEWFSTATAT, [directory, path, address, flags]) }
            })
        })
    }

    /// `statfs(path)`—what is known about the file system that a file is in.
    ///
    /// # Errors
    ///
    /// Of `statfs`: `ENOENT`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`statfs(2)`](https://man7.org/linux/man-pages/man2/statfs.2.html)
    #[doc(alias = "statvfs")]
    fn statfs(&self, path: impl path::Arg) -> Result<StatFs, Error> {
        with_told(self, Call::STATFS, |address| {
            with_path(self, Call::STATFS, path, |path| {
                // SAFETY: (2)
                unsafe { call(self, Call::STATFS, [path, address]) }
            })
        })
    }

    /// `fstatfs(fd)`—what is known about the file system that an open file is in.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fstatfs`: `ENOSYS` if the file system cannot tell, `EIO`.
    ///
    /// # References
    ///
    /// [`fstatfs(2)`](https://man7.org/linux/man-pages/man2/statfs.2.html)
    #[doc(alias = "fstatvfs")]
    fn fstatfs(&self, fd: impl AsFd<Self::FdTable>) -> Result<StatFs, Error> {
        with_told(self, Call::FSTATFS, |address| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::FSTATFS, [near(self, Call::FSTATFS, &fd)?, address]) }
        })
    }

    /// `fsetxattr(fd, name, value, flags)`—sets an extended attribute of an open file.
    ///
    /// Checked: `fd` is of this task's fd table. With [`XattrFlags::CREATE`] it must not be there yet, with
    /// [`XattrFlags::REPLACE`] it has to be.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let file = child.openat(Cwd, ".", OFlags::RDONLY, Mode::empty())?;
    /// # let file = child.openat(Cwd, &std::env::temp_dir(), OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR)?;
    /// match child.fsetxattr(&file, "user.colour", b"green", XattrFlags::empty()) {
    ///     Ok(()) => assert_eq!(child.fgetxattr(&file, "user.colour")?, b"green"),
    ///     Err(error) => println!("this file system has none: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `fsetxattr`: `EEXIST`, `ENODATA`, `ENOTSUP` if the file system has no such attributes, `E2BIG`,
    /// `EPERM`, ...; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`fsetxattr(2)`](https://man7.org/linux/man-pages/man2/setxattr.2.html)
    #[doc(alias = "setxattr")]
    fn fsetxattr(
        &self,
        fd: impl AsFd<Self::FdTable>,
        name: impl path::Arg,
        value: &[u8],
        flags: XattrFlags,
    ) -> Result<(), Error> {
        let allowed = XattrFlags::CREATE | XattrFlags::REPLACE;
        let flags = known(Call::FSETXATTR, flags.bits(), allowed.bits())?;
        with_path(self, Call::FSETXATTR, name, |name| {
            self.interface().lend(value, |address| {
                let arguments =
                    [near(self, Call::FSETXATTR, &fd)?, name, address, value.len(), flags];
                // SAFETY: (1), (2), (3)
                unsafe { call(self, Call::FSETXATTR, arguments) }.map(drop)
            })
        })
    }

    /// `fgetxattr(fd, name)`—the value of an extended attribute of an open file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fgetxattr`: `ENODATA` if it is not there, `ENOTSUP` if the file system has no such attributes.
    ///
    /// # References
    ///
    /// [`fgetxattr(2)`](https://man7.org/linux/man-pages/man2/getxattr.2.html)
    #[doc(alias = "getxattr")]
    fn fgetxattr(
        &self,
        fd: impl AsFd<Self::FdTable>,
        name: impl path::Arg,
    ) -> Result<Vec<u8>, Error> {
        with_path(self, Call::FGETXATTR, name, |name| {
            let read = |address, size| {
                // SAFETY: (1), (2)
                unsafe {
                    call(
                        self,
                        Call::FGETXATTR,
                        [near(self, Call::FGETXATTR, &fd)?, name, address, size],
                    )
                }
            };
            attribute(self, Call::FGETXATTR, read)
        })
    }

    /// `flistxattr(fd)`—the names of the extended attributes of an open file, of those that the task may
    /// see.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `flistxattr`: `E2BIG` if they are more than the kernel can list.
    ///
    /// # References
    ///
    /// [`flistxattr(2)`](https://man7.org/linux/man-pages/man2/listxattr.2.html)
    #[doc(alias = "listxattr")]
    fn flistxattr(&self, fd: impl AsFd<Self::FdTable>) -> Result<Vec<OsString>, Error> {
        let list = |address, size| {
            // SAFETY: (1), (2)
            unsafe {
                call(self, Call::FLISTXATTR, [near(self, Call::FLISTXATTR, &fd)?, address, size])
            }
        };
        let names = attribute(self, Call::FLISTXATTR, list)?;
        let names = names.split(|&byte| byte == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| OsStr::from_bytes(name).to_owned()).collect())
    }

    /// `fremovexattr(fd, name)`—removes an extended attribute of an open file.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fremovexattr`: `ENODATA` if it is not there, `ENOTSUP`, `EPERM`, ...
    ///
    /// # References
    ///
    /// [`fremovexattr(2)`](https://man7.org/linux/man-pages/man2/removexattr.2.html)
    #[doc(alias = "removexattr")]
    fn fremovexattr(
        &self,
        fd: impl AsFd<Self::FdTable>,
        name: impl path::Arg,
    ) -> Result<(), Error> {
        with_path(self, Call::FREMOVEXATTR, name, |name| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::FREMOVEXATTR, [near(self, Call::FREMOVEXATTR, &fd)?, name]) }
                .map(drop)
        })
    }
}

impl<K: far::Task + ?Sized> MetadataTask for K {}

// SAFETY: a C struct of integers.
unsafe impl Plain for Stat {}
// SAFETY: 8 bytes, for a number of 32 bits.
unsafe impl Told for Stat {
    const SIGN: usize = offset_of!(Stat, st_blksize);
}
// SAFETY: a C struct of integers, some of them flags of which every bit is allowed.
unsafe impl Plain for Statx {}
// SAFETY: 8 bytes, for the attributes that a file system can tell, which are a few.
unsafe impl Told for Statx {
    const SIGN: usize = offset_of!(Statx, stx_attributes_mask);
}
// SAFETY: a C struct of integers.
unsafe impl Plain for StatFs {}
// SAFETY: 8 bytes, for the flags of a mount, which are a few.
unsafe impl Told for StatFs {
    const SIGN: usize = offset_of!(StatFs, f_flags);
}
/// What the kernel writes is as large as libc says.
const _: () = {
    assert!(size_of::<Stat>() == size_of::<libc::stat>());
    assert!(size_of::<Statx>() == size_of::<libc::statx>());
    assert!(size_of::<StatFs>() == size_of::<libc::statfs>());
};

/// Flags that say which file is meant.
const WHICH: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::EMPTY_PATH);

/// `rustix` has no names for `STATX_MNT_ID_UNIQUE`, `_SUBVOL`, `_WRITE_ATOMIC` and `_DIO_READ_ALIGN`.
const KNOWN_STATX: StatxFlags = StatxFlags::BASIC_STATS
    .union(StatxFlags::BTIME)
    .union(StatxFlags::MNT_ID)
    .union(StatxFlags::DIOALIGN)
    .union(StatxFlags::from_bits_retain(0x3c000));

fn permissions(mode: Mode) -> usize {
    (mode.bits() & 0o7777) as usize
}

/// The arguments for an owner and a group; -1 is none.
fn ids(owner: Option<Uid>, group: Option<Gid>) -> [usize; 2] {
    [owner.map_or(u32::MAX, Uid::as_raw) as usize, group.map_or(u32::MAX, Gid::as_raw) as usize]
}

/// Two `struct timespec`.
fn timespecs(times: &Timestamps) -> [i64; 4] {
    const _: () = assert!(size_of::<[libc::timespec; 2]>() == size_of::<[i64; 4]>());
    let Timestamps { last_access, last_modification } = times;
    let (access, modification) = (last_access.tv_nsec, last_modification.tv_nsec);
    [last_access.tv_sec, access, last_modification.tv_sec, modification]
}

/// What `call` writes of an attribute, or of a list of them.
fn attribute<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    call: impl Fn(usize, usize) -> Result<usize, Error>,
) -> Result<Vec<u8>, Error> {
    /// What fits in there first, and what always does: `XATTR_SIZE_MAX` and `XATTR_LIST_MAX`.
    const SIZES: [usize; 2] = [256, 65536];
    with_bytes_of_sizes(task, name, &SIZES, Errno::RANGE, call)
}
