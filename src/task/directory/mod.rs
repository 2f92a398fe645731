//! Names in directories.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table, and stays open
//!    for the call.
//! 2. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps
//!    none of them after the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

mod entries;
mod node;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::path;

use crate::far;
use crate::handle::{AsDirFd, AsFd, Fd};
use crate::interface::{Call, Error};

use super::arguments::{
    call, dirfd, known, received, with_bytes_out, with_lent, with_path, with_paths,
};
use super::file_descriptor::known_open_flags;

pub use entries::{DirectoryEntries, DirectoryEntry};
pub use node::{Device, Node};

/// Where most links fit in, where those of up to `PATH_MAX` do, and where all do.
const LINK_SIZES: [usize; 3] = [256, 4097, 1 << 16];

/// Calls on names in directories: what makes, moves, removes and lists them.
///
/// Every directory has to be of the task's own fd table, both of them in the calls that have two: else
/// the call does not compile. [`Cwd`](crate::handle::Cwd) is the working directory of the task. A path
/// that begins with `/` starts at the task's root, whatever the directory. What is made gets the
/// permissions that are asked for without those in the task's [`umask`](super::FileSystemTask::umask).
///
/// A path with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait DirectoryTask: far::Task {
    /// `openat2(directory, path, flags, mode, resolve)`—opens a file, and refuses paths that lead
    /// where `resolve` does not allow.
    ///
    /// Checked: `directory` is of this task's fd table. `O_CLOEXEC` is always set. Unlike
    /// [`openat`](super::FileDescriptorTask::openat), it refuses what makes no sense instead of ignoring
    /// it: a `mode` has to be empty unless a file is created.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let root = child.openat(Cwd, "/proc/self", OFlags::PATH, Mode::empty())?;
    /// let open = |path: &str| {
    ///     child.openat2(&root, path, OFlags::RDONLY, Mode::empty(), ResolveFlags::BENEATH)
    /// };
    /// assert!(open("comm").is_ok());
    /// assert_eq!(open("../uptime").unwrap_err().errno(), Some(Errno::XDEV));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `openat2`: `EXDEV` if the path leads out, `ELOOP` if it goes through a link, `EAGAIN` if it
    /// has to be tried again, `EINVAL` for a `mode` without a file being created;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for `O_ASYNC`, and for flags this library does not know.
    ///
    /// # References
    ///
    /// [`openat2(2)`](https://man7.org/linux/man-pages/man2/openat2.2.html)
    fn openat2(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let flags = known_open_flags(Call::OPENAT2, flags)? | OFlags::CLOEXEC;
        let resolve = known(Call::OPENAT2, resolve.bits(), KNOWN_RESOLVE_FLAGS.bits())?;
        let mut how = [u64::from(flags.bits()), u64::from(mode.bits()), resolve as u64];
        let size = size_of_val(&how);
        with_path(self, Call::OPENAT2, path, |path| {
            let number = with_lent(self, &mut how, |how| {
                // SAFETY: (1), (2), (3)
                unsafe {
                    call(
                        self,
                        Call::OPENAT2,
                        [dirfd(self, Call::OPENAT2, &directory)?, path, how, size],
                    )
                }
            })?;
            // SAFETY: (4)
            unsafe { received(self, number) }
        })
    }

    /// `mkdirat(directory, path, mode)`—makes a directory.
    ///
    /// Checked: `directory` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `mkdirat`: `EEXIST`, `ENOENT`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`mkdirat(2)`](https://man7.org/linux/man-pages/man2/mkdir.2.html)
    #[doc(alias = "mkdir")]
    fn mkdirat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        mode: Mode,
    ) -> Result<(), Error> {
        let mode = mode.bits() & 0o7777;
        with_path(self, Call::MKDIRAT, path, |path| {
            let arguments = [dirfd(self, Call::MKDIRAT, &directory)?, path, mode as usize];
            // SAFETY: (1), (2)
            unsafe { call(self, Call::MKDIRAT, arguments) }.map(drop)
        })
    }

    /// `mknodat(directory, path, node, mode)`—makes a FIFO, a socket's name, a device or an empty
    /// regular file.
    ///
    /// Checked: `directory` is of this task's fd table; the numbers of a device are in the range that
    /// the kernel can take.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::Node;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// # let path = std::env::temp_dir().join(format!("nearfar-fifo-{}", std::process::id()));
    /// child.mknodat(Cwd, &path, Node::Fifo, Mode::RUSR | Mode::WUSR)?;
    /// child.unlinkat(Cwd, &path, AtFlags::empty())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `mknodat`: `EPERM` for a device without `CAP_MKNOD`, `EEXIST`, `ENOENT`, ...; `EINVAL`, of this
    /// library, for a major number of 2¹² or more, or a minor one of 2²⁰ or more.
    ///
    /// # References
    ///
    /// [`mknodat(2)`](https://man7.org/linux/man-pages/man2/mknod.2.html)
    #[doc(alias = "mknod")]
    #[doc(alias = "mkfifo")]
    fn mknodat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        node: Node,
        mode: Mode,
    ) -> Result<(), Error> {
        let device = node.device()?;
        let mode = node.kind().as_raw_mode() | mode.bits() & 0o7777;
        with_path(self, Call::MKNODAT, path, |path| {
            let arguments = [dirfd(self, Call::MKNODAT, &directory)?, path, mode as usize, device];
            // SAFETY: (1), (2)
            unsafe { call(self, Call::MKNODAT, arguments) }.map(drop)
        })
    }

    /// `unlinkat(directory, path, flags)`—removes a name: with [`AtFlags::REMOVEDIR`] that of an empty
    /// directory, without it that of anything else.
    ///
    /// Checked: `directory` is of this task's fd table. The file itself is gone when it has no other
    /// name and nobody has it open.
    ///
    /// # Errors
    ///
    /// Of `unlinkat`: `ENOENT`, `EISDIR`, `ENOTDIR`, `ENOTEMPTY`, `EACCES`, ...;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but `AT_REMOVEDIR`.
    ///
    /// # References
    ///
    /// [`unlinkat(2)`](https://man7.org/linux/man-pages/man2/unlink.2.html)
    #[doc(alias = "unlink")]
    #[doc(alias = "rmdir")]
    #[doc(alias = "remove")]
    fn unlinkat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: AtFlags,
    ) -> Result<(), Error> {
        let flags = known(Call::UNLINKAT, flags.bits(), AtFlags::REMOVEDIR.bits())?;
        with_path(self, Call::UNLINKAT, path, |path| {
            // SAFETY: (1), (2), (3)
            unsafe {
                call(self, Call::UNLINKAT, [dirfd(self, Call::UNLINKAT, &directory)?, path, flags])
            }
            .map(drop)
        })
    }

    /// `linkat(directory, path, new_directory, new_path, flags)`—gives a file another name.
    ///
    /// Checked: `directory` and `new_directory` are of this task's fd table. With
    /// [`AtFlags::EMPTY_PATH`] and an empty path it is the file that `directory` is open on, also if it
    /// has no name; with [`AtFlags::SYMLINK_FOLLOW`], the file that a symbolic link leads to.
    ///
    /// # Errors
    ///
    /// Of `linkat`: `EEXIST`, `EXDEV` if the two are not in the same file system, `EPERM` for a
    /// directory, ...; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for other flags.
    ///
    /// # References
    ///
    /// [`linkat(2)`](https://man7.org/linux/man-pages/man2/link.2.html)
    #[doc(alias = "link")]
    fn linkat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        new_directory: impl AsDirFd<Self::FdTable>,
        new_path: impl path::Arg,
        flags: AtFlags,
    ) -> Result<(), Error> {
        let allowed = AtFlags::SYMLINK_FOLLOW | AtFlags::EMPTY_PATH;
        let flags = known(Call::LINKAT, flags.bits(), allowed.bits())?;
        with_paths(self, Call::LINKAT, (path, new_path), |path, new_path| {
            let [from, to] = [
                dirfd(self, Call::LINKAT, &directory)?,
                dirfd(self, Call::LINKAT, &new_directory)?,
            ];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::LINKAT, [from, path, to, new_path, flags]) }.map(drop)
        })
    }

    /// `symlinkat(target, directory, path)`—makes a symbolic link at `path`.
    ///
    /// Checked: `directory` is of this task's fd table. `target` is not looked at until somebody follows
    /// the link, and then leads on from where the link is, in the root of whoever follows it.
    ///
    /// # Errors
    ///
    /// Of `symlinkat`: `EEXIST`, `ENOENT`, `EACCES`, ...
    ///
    /// # References
    ///
    /// [`symlinkat(2)`](https://man7.org/linux/man-pages/man2/symlink.2.html)
    #[doc(alias = "symlink")]
    fn symlinkat(
        &self,
        target: impl path::Arg,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
    ) -> Result<(), Error> {
        with_paths(self, Call::SYMLINKAT, (target, path), |target, path| {
            // SAFETY: (1), (2)
            unsafe {
                call(
                    self,
                    Call::SYMLINKAT,
                    [target, dirfd(self, Call::SYMLINKAT, &directory)?, path],
                )
            }
            .map(drop)
        })
    }

    /// `readlinkat(directory, path)`—where a symbolic link leads, however long that is.
    ///
    /// Checked: `directory` is of this task's fd table. With an empty path it is the link that
    /// `directory` is, opened with `O_PATH` and `O_NOFOLLOW`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.chdir("/proc/self")?;
    /// assert_eq!(child.readlinkat(Cwd, "fd/../root")?, "/");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `readlinkat`: `EINVAL` if it is not a symbolic link, `ENOENT`, ...
    ///
    /// # References
    ///
    /// [`readlinkat(2)`](https://man7.org/linux/man-pages/man2/readlink.2.html)
    #[doc(alias = "readlink")]
    fn readlinkat(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
    ) -> Result<OsString, Error> {
        with_path(self, Call::READLINKAT, path, |path| {
            let directory = dirfd(self, Call::READLINKAT, &directory)?;
            let mut target = Vec::new();
            for size in LINK_SIZES {
                let read = |address| {
                    // SAFETY: (1), (2)
                    unsafe { call(self, Call::READLINKAT, [directory, path, address, size]) }
                };
                with_bytes_out(self, Call::READLINKAT, &mut target, size, read)?;
                // A buffer that is full may be too small.
                if target.len() < size {
                    target.shrink_to_fit();
                    return Ok(OsString::from_vec(target));
                }
            }
            Err(Error::os(Call::READLINKAT, Errno::NAMETOOLONG))
        })
    }

    /// `renameat2(directory, path, new_directory, new_path, flags)`—gives a file another name instead of
    /// the one it has, replacing what has that name.
    ///
    /// Checked: `directory` and `new_directory` are of this task's fd table. With
    /// [`RenameFlags::NOREPLACE`] nothing is replaced; with [`RenameFlags::EXCHANGE`] the two change
    /// names.
    ///
    /// # Errors
    ///
    /// Of `renameat2`: `EEXIST`, `EXDEV` if the two are not in the same file system, `EINVAL` if the file
    /// system does not know the flag, ...; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags
    /// this library does not know.
    ///
    /// # References
    ///
    /// [`renameat2(2)`](https://man7.org/linux/man-pages/man2/rename.2.html)
    #[doc(alias = "rename")]
    #[doc(alias = "renameat")]
    fn renameat2(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        new_directory: impl AsDirFd<Self::FdTable>,
        new_path: impl path::Arg,
        flags: RenameFlags,
    ) -> Result<(), Error> {
        let allowed = RenameFlags::EXCHANGE | RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
        let flags = known(Call::RENAMEAT2, flags.bits(), allowed.bits())?;
        with_paths(self, Call::RENAMEAT2, (path, new_path), |path, new_path| {
            let [from, to] = [
                dirfd(self, Call::RENAMEAT2, &directory)?,
                dirfd(self, Call::RENAMEAT2, &new_directory)?,
            ];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::RENAMEAT2, [from, path, to, new_path, flags]) }.map(drop)
        })
    }

    /// `getdents64(directory)`—what is in a directory, from where its offset is, one entry after the
    /// other.
    ///
    /// Checked: `directory` is of this task's fd table. The entries `.` and `..` are among them. The task
    /// is asked for many entries at a time, when those from before have been taken. The offset belongs to
    /// the open file, so whoever has another fd of it gets what is left; to begin anew, `lseek` to 0, or
    /// to go on after an entry, to [`DirectoryEntry::offset`]. What is made or removed meanwhile may be
    /// among the entries or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let proc = child.openat(Cwd, "/proc/self", OFlags::DIRECTORY, Mode::empty())?;
    /// let mut links = Vec::new();
    /// for entry in child.getdents64(&proc) {
    ///     let entry = entry?;
    ///     if entry.kind == FileType::Symlink {
    ///         links.push(entry.name);
    ///     }
    /// }
    /// assert!(links.contains(&"cwd".into()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `getdents64`, each at most once, as the last that the iterator returns: `ENOTDIR`, `ENOENT` if
    /// the directory has been removed; `EIO`, of this library, for entries that are not what the kernel
    /// would write.
    ///
    /// # References
    ///
    /// [`getdents64(2)`](https://man7.org/linux/man-pages/man2/getdents.2.html)
    #[doc(alias = "getdents")]
    #[doc(alias = "readdir")]
    fn getdents64<D: AsFd<Self::FdTable>>(&self, directory: D) -> DirectoryEntries<'_, Self, D> {
        DirectoryEntries::new(self, directory)
    }
}

impl<K: far::Task + ?Sized> DirectoryTask for K {}

const KNOWN_RESOLVE_FLAGS: ResolveFlags = ResolveFlags::NO_XDEV
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::BENEATH)
    .union(ResolveFlags::IN_ROOT)
    .union(ResolveFlags::CACHED);

/// What is lent to `openat2` is as large as libc says.
const _: () = assert!(size_of::<[u64; 3]>() == size_of::<libc::open_how>());
