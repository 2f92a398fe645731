//! New file systems, by fd.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent for the call: a string with its NUL, or a buffer with its length.
//!    The kernel keeps copies.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::borrow::Cow;
use std::ffi::CStr;
use std::fmt;

use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, FsPickFlags, MountAttrFlags};
use rustix::path;

use crate::far;
use crate::handle::{AsDirFd, AsFd, AsFsContext, FsContext, MountFd};
use crate::interface::{Call, Error, ErrorKind};

use super::arguments::{call, dirfd, known, near, received, with_out, with_path, with_paths};
use super::mount_fd::known_attributes;

/// Calls that configure a file system step by step, and make a mount of it.
///
/// The mount is an fd at first, and [`move_mount_fd`](super::MountFdTask::move_mount_fd) attaches it.
/// [`MountTask::mount`](super::MountTask::mount) does all of it in one call.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
/// let context = child.fsopen("tmpfs")?;
/// child.fsconfig_set_string(&context, "size", "1m")?;
/// child.fsconfig_create(&context)?;
/// let mount = child.fsmount(&context, MountAttrFlags::MOUNT_ATTR_NODEV)?;
/// // Paths begin at it, while nobody else sees it.
/// let root = child.openat(&mount, ".", OFlags::DIRECTORY, Mode::empty())?;
/// child.move_mount_fd(&mount, Cwd, "/tmp", MoveMountFlags::empty())?;
/// assert_eq!(child.fstat(&root)?.st_ino, child.fstat(&mount)?.st_ino);
/// # Ok(())
/// # }
/// ```
///
/// The operations `FSCONFIG_SET_BINARY`, `FSCONFIG_SET_PATH` and `FSCONFIG_SET_PATH_EMPTY` are missing: no
/// file system of the kernel takes what they set.
///
/// A string with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before, [`Hangup`](crate::ErrorKind::Hangup) if it died
/// meanwhile.
pub trait FsContextTask: far::Task {
    /// `fsopen(fstype, FSOPEN_CLOEXEC)`—begins a new file system.
    ///
    /// # Errors
    ///
    /// Of `fsopen`: `ENODEV` for a type the kernel does not have, `EPERM` without `CAP_SYS_ADMIN` over
    /// the mount namespace.
    ///
    /// # References
    ///
    /// [`fsopen(2)`](https://man7.org/linux/man-pages/man2/fsopen.2.html)
    fn fsopen(&self, fstype: impl path::Arg) -> Result<FsContext<Self::FdTable>, Error> {
        let flags = FsOpenFlags::FSOPEN_CLOEXEC.bits() as usize;
        let number = with_path(self, Call::FSOPEN, fstype, |fstype| {
            // SAFETY: (2), (3)
            unsafe { call(self, Call::FSOPEN, [fstype, flags]) }
        })?;
        // SAFETY: (4)
        unsafe { received(self, number) }.map(FsContext::from)
    }

    /// `fspick(directory, path, flags)`—begins to configure a file system that is mounted at `path`:
    /// for [`fsconfig_reconfigure`](Self::fsconfig_reconfigure).
    ///
    /// Checked: `directory` is of this task's fd table. `FSPICK_CLOEXEC` is always set. With
    /// `FSPICK_EMPTY_PATH` an empty path is `directory` itself.
    ///
    /// # Errors
    ///
    /// Of `fspick`: `EINVAL` if `path` is not the root of a mount, `EPERM` without `CAP_SYS_ADMIN` over the
    /// mount namespace; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`fspick(2)`](https://man7.org/linux/man-pages/man2/fspick.2.html)
    fn fspick(
        &self,
        directory: impl AsDirFd<Self::FdTable>,
        path: impl path::Arg,
        flags: FsPickFlags,
    ) -> Result<FsContext<Self::FdTable>, Error> {
        let allowed = FsPickFlags::FSPICK_CLOEXEC
            | FsPickFlags::FSPICK_SYMLINK_NOFOLLOW
            | FsPickFlags::FSPICK_NO_AUTOMOUNT
            | FsPickFlags::FSPICK_EMPTY_PATH;
        let flags = known(Call::FSPICK, flags.bits(), allowed.bits())?
            | FsPickFlags::FSPICK_CLOEXEC.bits() as usize;
        let number = with_path(self, Call::FSPICK, path, |path| {
            // SAFETY: (1), (2), (3)
            unsafe {
                call(self, Call::FSPICK, [dirfd(self, Call::FSPICK, &directory)?, path, flags])
            }
        })?;
        // SAFETY: (4)
        unsafe { received(self, number) }.map(FsContext::from)
    }

    /// `fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0)`—sets an option that has no value, such as
    /// `"ro"`.
    ///
    /// Checked: `context` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// [`NumberOfFd`](crate::ErrorKind::NumberOfFd) for `fd`, `rfdno` and `wfdno`.
    ///
    /// Of `fsconfig`: `EINVAL` for an option the file system does not know, which
    /// [`fs_messages`](Self::fs_messages) describes further; `EBUSY` if the context has been created from
    /// already.
    ///
    /// # References
    ///
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    #[doc(alias = "FSCONFIG_SET_FLAG")]
    fn fsconfig_set_flag(
        &self,
        context: impl AsFsContext<Self::FdTable>,
        key: impl path::Arg,
    ) -> Result<(), Error> {
        // The kernel does not mind a value behind it.
        with_path(self, Call::FSCONFIG, &*checked_key(key)?, |key| {
            fsconfig(self, &context, SET_FLAG, key, 0, 0)
        })
    }

    /// `fsconfig(context, FSCONFIG_SET_STRING, key, value, 0)`—sets an option, such as `"size"` to
    /// `"1m"`. The option `"source"` is the device, the server's name, or a mere label.
    ///
    /// Checked: `context` is of this task's fd table. Options that are numbers of fds are not set so, but by
    /// [`fsopen_with_fds`](Self::fsopen_with_fds).
    ///
    /// # Errors
    ///
    /// [`NumberOfFd`](crate::ErrorKind::NumberOfFd) for `fd`, `rfdno` and `wfdno`.
    ///
    /// Of `fsconfig`: `EINVAL` for an option the file system does not know or a value it does not take,
    /// which [`fs_messages`](Self::fs_messages) describes further, and for strings of 256 bytes or more;
    /// `EBUSY` if the context has been created from already.
    ///
    /// # References
    ///
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    #[doc(alias = "FSCONFIG_SET_STRING")]
    fn fsconfig_set_string(
        &self,
        context: impl AsFsContext<Self::FdTable>,
        key: impl path::Arg,
        value: impl path::Arg,
    ) -> Result<(), Error> {
        set_string(self, &context, &*checked_key(key)?, value)
    }

    /// `fsconfig(context, FSCONFIG_SET_FD, key, NULL, fd)`—sets an option to an open file.
    ///
    /// Checked: `context` and `fd` are of this task's fd table. Few options take one: `lowerdir+` and its
    /// like of overlayfs from Linux 6.13 on, `pidns` of procfs from 6.18 on. For those that want a number, there
    /// is [`fsopen_with_fds`](Self::fsopen_with_fds).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// let context = child.fsopen("overlay")?;
    /// for path in ["/srv/changes", "/srv/base"] {
    ///     let layer = child.openat(Cwd, path, OFlags::DIRECTORY, Mode::empty())?;
    ///     child.fsconfig_set_fd(&context, "lowerdir+", &layer)?;
    /// }
    /// child.fsconfig_create(&context)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fsconfig_set_string`](Self::fsconfig_set_string).
    ///
    /// # References
    ///
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    #[doc(alias = "FSCONFIG_SET_FD")]
    fn fsconfig_set_fd(
        &self,
        context: impl AsFsContext<Self::FdTable>,
        key: impl path::Arg,
        fd: impl AsFd<Self::FdTable>,
    ) -> Result<(), Error> {
        with_path(self, Call::FSCONFIG, key, |key| {
            fsconfig(self, &context, SET_FD, key, 0, near(self, Call::FSCONFIG, &fd)?)
        })
    }

    /// `fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)`—creates the file system as it has been
    /// configured, or finds one that is the same device.
    ///
    /// Checked: `context` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `fsconfig`: the file system's own, which [`fs_messages`](Self::fs_messages) describes further;
    /// `EPERM` if it may not be mounted in the user namespace of the context; `EBUSY` if the context has
    /// been created from already.
    ///
    /// # References
    ///
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    #[doc(alias = "FSCONFIG_CMD_CREATE")]
    fn fsconfig_create(&self, context: impl AsFsContext<Self::FdTable>) -> Result<(), Error> {
        fsconfig(self, &context, CMD_CREATE, 0, 0, 0)
    }

    /// `fsopen(fstype)`, `fsconfig` for each option and fd, and `FSCONFIG_CMD_CREATE`—creates a file system that is
    /// told numbers of fds: `fd` of FUSE, `rfdno` and `wfdno` of 9p.
    ///
    /// Checked: all fds are of this task's fd table. The kernel looks the numbers up when the file system is created,
    /// and keeps the open files. Until then nobody else has the context, as it would find other files at these numbers
    /// in another table, or later. An option without a value is a flag. What is left to do with the context that this
    /// returns is to make a [mount](Self::fsmount) of it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// let device = child.openat(Cwd, "/dev/fuse", OFlags::RDWR, Mode::empty())?;
    /// let options = [
    ///     ("rootmode", Some("40000")),
    ///     ("user_id", Some("0")),
    ///     ("group_id", Some("0")),
    ///     ("allow_other", None),
    /// ];
    /// let context = child.fsopen_with_fds("fuse", &options, &[("fd", &device)])?;
    /// let mount = child.fsmount(&context, MountAttrFlags::MOUNT_ATTR_NODEV)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fsopen`](Self::fsopen), [`fsconfig_set_string`](Self::fsconfig_set_string) and
    /// [`fsconfig_create`](Self::fsconfig_create).
    ///
    /// # References
    ///
    /// [`fsopen(2)`](https://man7.org/linux/man-pages/man2/fsopen.2.html),
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    fn fsopen_with_fds(
        &self,
        fstype: impl path::Arg,
        options: &[(&str, Option<&str>)],
        fds: &[(&str, impl AsFd<Self::FdTable>)],
    ) -> Result<FsContext<Self::FdTable>, Error> {
        let number = |fd| near(self, Call::FSCONFIG, fd);
        let numbers = fds.iter().map(|(_, fd)| number(fd)).collect::<Result<Vec<_>, _>>()?;
        let context = self.fsopen(fstype)?;
        for (key, value) in options {
            match value {
                Some(value) => self.fsconfig_set_string(&context, *key, *value)?,
                None => self.fsconfig_set_flag(&context, *key)?,
            }
        }
        for ((key, _), number) in fds.iter().zip(numbers) {
            set_string(self, &context, *key, number.to_string())?;
        }
        self.fsconfig_create(&context)?;
        Ok(context)
    }

    /// `fsconfig(context, FSCONFIG_CMD_CREATE_EXCL, NULL, NULL, 0)`—creates the file system, and
    /// fails if there is one already that would have been used instead.
    ///
    /// Checked: `context` is of this task's fd table. Linux 6.6 and later.
    ///
    /// # Errors
    ///
    /// As [`fsconfig_create`](Self::fsconfig_create); `EBUSY` if there is one, `EOPNOTSUPP` before Linux
    /// 6.6.
    ///
    /// # References
    ///
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    #[doc(alias = "FSCONFIG_CMD_CREATE_EXCL")]
    fn fsconfig_create_exclusive(
        &self,
        context: impl AsFsContext<Self::FdTable>,
    ) -> Result<(), Error> {
        fsconfig(self, &context, CMD_CREATE_EXCL, 0, 0, 0)
    }

    /// `fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)`—changes the options of a file
    /// system that [`fspick`](Self::fspick) has picked, wherever it is mounted.
    ///
    /// Checked: `context` is of this task's fd table. Options that have not been set stay as they are.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// child.mount("none", "/tmp", "tmpfs", MountFlags::empty(), None)?;
    /// let context = child.fspick(Cwd, "/tmp", FsPickFlags::empty())?;
    /// child.fsconfig_set_flag(&context, "ro")?;
    /// child.fsconfig_reconfigure(&context)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `fsconfig`: the file system's own, which [`fs_messages`](Self::fs_messages) describes further;
    /// `EBUSY` if the context has not been picked; `EPERM` without `CAP_SYS_ADMIN` in the file system's
    /// user namespace.
    ///
    /// # References
    ///
    /// [`fsconfig(2)`](https://man7.org/linux/man-pages/man2/fsconfig.2.html)
    #[doc(alias = "fsconfig")]
    #[doc(alias = "FSCONFIG_CMD_RECONFIGURE")]
    fn fsconfig_reconfigure(&self, context: impl AsFsContext<Self::FdTable>) -> Result<(), Error> {
        fsconfig(self, &context, CMD_RECONFIGURE, 0, 0, 0)
    }

    /// `fsmount(context, FSMOUNT_CLOEXEC, attributes)`—a mount of the file system that has been created,
    /// detached: on no path yet.
    ///
    /// Checked: `context` is of this task's fd table. It can be reconfigured afterwards.
    ///
    /// # Errors
    ///
    /// Of `fsmount`: `EINVAL` if nothing has been created, `EBUSY` if it has been mounted already, `EPERM`
    /// without `CAP_SYS_ADMIN` over the mount namespace, or if mounts of a more privileged namespace hide
    /// parts of it (`proc`, `sysfs`); [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does
    /// not know, and for `MOUNT_ATTR_IDMAP`: see
    /// [`mount_setattr_idmap`](super::MountFdTask::mount_setattr_idmap).
    ///
    /// # References
    ///
    /// [`fsmount(2)`](https://man7.org/linux/man-pages/man2/fsmount.2.html)
    fn fsmount(
        &self,
        context: impl AsFsContext<Self::FdTable>,
        attributes: MountAttrFlags,
    ) -> Result<MountFd<Self::FdTable>, Error> {
        let attributes = known_attributes(Call::FSMOUNT, attributes)? as usize;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC.bits() as usize;
        let arguments = [near(self, Call::FSMOUNT, &context)?, flags, attributes];
        // SAFETY: (1), (3)
        let number = unsafe { call(self, Call::FSMOUNT, arguments) }?;
        // SAFETY: (4)
        unsafe { received(self, number) }.map(MountFd::from)
    }

    /// `read(context)`—what the kernel has to say on the calls with this context so far. Each message
    /// is given once; of more than eight that nobody has read, the first ones are lost.
    ///
    /// Checked: `context` is of this task's fd table. Never waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::MOUNT)?;
    /// let context = child.fsopen("tmpfs")?;
    /// child.fsconfig_set_string(&context, "size", "huge").unwrap_err();
    /// let messages = child.fs_messages(&context)?;
    /// assert_eq!(messages[0].to_string(), "error: tmpfs: Bad value for 'size'");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `read`: `EMSGSIZE` for a message of more than 8192 bytes.
    ///
    /// # References
    ///
    /// [`fsopen(2)`](https://man7.org/linux/man-pages/man2/fsopen.2.html)
    #[doc(alias = "read")]
    fn fs_messages(
        &self,
        context: impl AsFsContext<Self::FdTable>,
    ) -> Result<Vec<FsMessage>, Error> {
        // More than the kernel keeps: so that it ends, whatever is read from.
        const MOST: usize = 64;
        let mut messages = Vec::new();
        while messages.len() < MOST {
            let mut length = 0;
            let read = with_out(self, |address| {
                let arguments = [near(self, Call::READ, &context)?, address, LONGEST_MESSAGE];
                // SAFETY: (1), (2)
                length = unsafe { call(self, Call::READ, arguments) }?;
                Ok(length)
            });
            let message: [u8; LONGEST_MESSAGE] = match read {
                Err(error) if error.errno() == Some(Errno::NODATA) => break,
                read => read?,
            };
            if length == 0 {
                break;
            }
            messages.push(FsMessage::parse(&message[..length]));
        }
        Ok(messages)
    }
}

impl<K: far::Task + ?Sized> FsContextTask for K {}

/// What the kernel says on a file system that is being configured: [`FsContextTask::fs_messages`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsMessage {
    /// How bad it is.
    pub kind: FsMessageKind,
    /// The words, with the file system's name before them; what is not UTF-8 is replaced.
    pub text: String,
}

/// The kind of an [`FsMessage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FsMessageKind {
    /// Why a call has failed.
    Error,
    /// It goes on, but not as it was asked to.
    Warning,
    /// Good to know.
    Info,
}

impl FsMessage {
    fn parse(message: &[u8]) -> Self {
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        let (kind, text) = match message {
            [b'e', b' ', text @ ..] => (FsMessageKind::Error, text),
            [b'w', b' ', text @ ..] => (FsMessageKind::Warning, text),
            [b'i', b' ', text @ ..] => (FsMessageKind::Info, text),
            text => (FsMessageKind::Info, text),
        };
        FsMessage { kind, text: String::from_utf8_lossy(text).into_owned() }
    }
}

impl fmt::Display for FsMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FsMessageKind::Error => "error",
            FsMessageKind::Warning => "warning",
            FsMessageKind::Info => "info",
        };
        write!(f, "{kind}: {}", self.text)
    }
}

/// In bytes, of those that are read.
const LONGEST_MESSAGE: usize = 8192;

// `enum fsconfig_command`.
const SET_FLAG: usize = 0;
const SET_STRING: usize = 1;
const SET_FD: usize = 5;
const CMD_CREATE: usize = 6;
const CMD_RECONFIGURE: usize = 7;
const CMD_CREATE_EXCL: usize = 8;

/// Whether an option of a file system, with its value or without it, is the number of an fd.
pub(super) fn is_number_of_fd(option: &[u8]) -> bool {
    let key = option.split(|byte| *byte == b'=').next().unwrap_or_default();
    matches!(key, b"fd" | b"rfdno" | b"wfdno")
}

/// The key of an option that is not the number of an fd.
fn checked_key<'key>(key: impl path::Arg + 'key) -> Result<Cow<'key, CStr>, Error> {
    let has_nul = |_| Error::new(Call::FSCONFIG, ErrorKind::InteriorNul);
    let key = key.into_c_str().map_err(has_nul)?;
    if is_number_of_fd(key.to_bytes()) {
        return Err(Error::new(Call::FSCONFIG, ErrorKind::NumberOfFd));
    }
    Ok(key)
}

fn set_string<K: far::Task + ?Sized>(
    task: &K,
    context: &impl AsFsContext<K::FdTable>,
    key: impl path::Arg,
    value: impl path::Arg,
) -> Result<(), Error> {
    with_paths(task, Call::FSCONFIG, (key, value), |key, value| {
        fsconfig(task, context, SET_STRING, key, value, 0)
    })
}

/// `key` and `value` are lent strings, or 0; `auxiliary` is an fd of the task, or 0 where there is
/// none.
fn fsconfig<K: far::Task + ?Sized>(
    task: &K,
    context: &impl AsFsContext<K::FdTable>,
    command: usize,
    key: usize,
    value: usize,
    auxiliary: usize,
) -> Result<(), Error> {
    let arguments = [near(task, Call::FSCONFIG, context)?, command, key, value, auxiliary];
    // SAFETY: (1), (2)
    unsafe { call(task, Call::FSCONFIG, arguments) }.map(drop)
}
