//! Requests to drivers and file systems.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, for as many bytes as the request is about; the kernel keeps none of
//!    them after the call.
//! 3. The requests of the safe methods mean the same to every driver that knows them. What a server of
//!    FUSE makes of one is bytes that are lent for it, and a number.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's. A number is taken for
//!    an fd only from a file of which the kernel says that it is its own ([`file_of_namespace`]).
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::slice;

use rustix::fs::IFlags;
use rustix::io::{Errno, FdFlags};
use rustix::process::Uid;

use crate::far;
use crate::handle::{AsFd, Fd, Steady};
use crate::interface::{Call, Error, LOWEST, SyscallInterface, procfs};

use super::arguments::{Plain, call, near, received, steady, with_out, with_slice_mut};
use super::{FcntlTask, MetadataTask};

/// Requests to drivers and file systems.
///
/// Those to terminals are in [`TerminalTask`](super::TerminalTask). Any other can be made with
/// [`ioctl`](Self::ioctl), [`ioctl_by_value`](Self::ioctl_by_value) or [`ioctl_fd`](Self::ioctl_fd), which
/// are unsafe.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait IoctlTask: far::Task {
    /// `ioctl(fd, FIONREAD, count)`—how many bytes can be read at once.
    ///
    /// Checked: `fd` is of this task's fd table. Of a file, what is left from the offset to the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// child.write(&writer, b"hello")?;
    /// assert_eq!(child.ioctl_fionread(&reader)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if nobody can tell; `EOVERFLOW` if the kernel's `int` is negative, as it may be
    /// for more than that holds.
    ///
    /// # References
    ///
    /// [`ioctl(2)`](https://man7.org/linux/man-pages/man2/ioctl.2.html)
    #[doc(alias = "FIONREAD")]
    #[doc(alias = "TIOCINQ")]
    fn ioctl_fionread(&self, fd: impl AsFd<Self::FdTable>) -> Result<usize, Error> {
        // SAFETY: (3): an `int`.
        let count: c_int = unsafe { get(self, &fd, FIONREAD) }?;
        usize::try_from(count).map_err(|_| Error::os(Call::IOCTL, Errno::OVERFLOW))
    }

    /// `ioctl(fd, FIONBIO, nonblocking)`—sets or clears `O_NONBLOCK`.
    ///
    /// Checked: `fd` is of this task's fd table. The flag belongs to the open file: every fd of it, in
    /// whatever table, sees it.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `EBADF` for an fd that was opened with `O_PATH`.
    ///
    /// # References
    ///
    /// [`ioctl(2)`](https://man7.org/linux/man-pages/man2/ioctl.2.html)
    #[doc(alias = "FIONBIO")]
    fn ioctl_fionbio(&self, fd: impl AsFd<Self::FdTable>, nonblocking: bool) -> Result<(), Error> {
        // SAFETY: (3): an `int`.
        unsafe { set(self, &fd, FIONBIO, c_int::from(nonblocking)) }
    }

    /// `ioctl(device, BLKGETSIZE64, size)`—the size of a block device in bytes.
    ///
    /// Checked: `device` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a block device.
    ///
    /// # References
    ///
    /// [`ioctl(2)`](https://man7.org/linux/man-pages/man2/ioctl.2.html)
    #[doc(alias = "BLKGETSIZE64")]
    fn ioctl_blkgetsize64(&self, device: impl AsFd<Self::FdTable>) -> Result<u64, Error> {
        // SAFETY: (3): a `u64`.
        unsafe { get(self, &device, BLKGETSIZE64) }
    }

    /// `ioctl(file, FS_IOC_GETFLAGS, flags)`—the attributes that the file system keeps: immutable,
    /// append-only, ...
    ///
    /// Checked: `file` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` or `EOPNOTSUPP` if the file system has none.
    ///
    /// # References
    ///
    /// [`FS_IOC_GETFLAGS(2const)`](https://man7.org/linux/man-pages/man2/FS_IOC_GETFLAGS.2const.html)
    #[doc(alias = "FS_IOC_GETFLAGS")]
    #[doc(alias = "lsattr")]
    fn ioctl_fs_ioc_getflags(&self, file: impl AsFd<Self::FdTable>) -> Result<IFlags, Error> {
        // The number says that it is a `long`, the file systems write an `int`.
        // SAFETY: (3): at most a `long`.
        let flags: u64 = unsafe { get(self, &file, FS_IOC_GETFLAGS) }?;
        Ok(IFlags::from_bits_retain(flags as u32))
    }

    /// `ioctl(to, FICLONE, from)`—makes a file share the contents of another, until one of them is written
    /// to.
    ///
    /// Checked: both are of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `EOPNOTSUPP` if the file system cannot, `EXDEV` if they are on two file systems, `EINVAL`
    /// for what is no file.
    ///
    /// # References
    ///
    /// [`FICLONE(2const)`](https://man7.org/linux/man-pages/man2/FICLONE.2const.html)
    #[doc(alias = "FICLONE")]
    #[doc(alias = "reflink")]
    fn ioctl_ficlone(
        &self,
        to: impl AsFd<Self::FdTable>,
        from: impl AsFd<Self::FdTable>,
    ) -> Result<(), Error> {
        // SAFETY: (1), also for the second fd, (3).
        unsafe { by_value(self, &to, FICLONE, near(self, Call::IOCTL, &from)?) }.map(drop)
    }

    /// `ioctl(namespace, NS_GET_USERNS)`—the user namespace that owns a namespace.
    ///
    /// Checked: `namespace` is of this task's fd table: an open `/proc/PID/ns/NAME`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let net = here.openat(Cwd, "/proc/self/ns/net", OFlags::RDONLY, Mode::empty())?;
    /// # if !nearfar::rustix::process::geteuid().is_root() { return Ok(()); }
    /// let owner = here.ioctl_ns_get_userns(&net)?;
    /// use nearfar::task::NamespaceType;
    /// assert_eq!(here.ioctl_ns_get_nstype(&owner)?, Some(NamespaceType::User));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a namespace, `EPERM` if the owner is outside of the task's own user
    /// namespace.
    ///
    /// # References
    ///
    /// [`NS_GET_USERNS(2const)`](https://man7.org/linux/man-pages/man2/NS_GET_USERNS.2const.html)
    #[doc(alias = "NS_GET_USERNS")]
    fn ioctl_ns_get_userns(
        &self,
        namespace: impl AsFd<Self::FdTable>,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let namespace = file_of_namespace(self, &namespace)?;
        // SAFETY: (3), (4); close-on-exec, as the kernel opens it.
        unsafe { opening(self, &namespace, NS_GET_USERNS, 0) }
    }

    /// `ioctl(namespace, NS_GET_PARENT)`—the parent of a user or pid namespace.
    ///
    /// Checked: `namespace` is of this task's fd table: an open `/proc/PID/ns/NAME`.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a namespace, `EINVAL` if its kind has no parents, `EPERM` if the
    /// parent is outside of the task's own user or pid namespace.
    ///
    /// # References
    ///
    /// [`NS_GET_PARENT(2const)`](https://man7.org/linux/man-pages/man2/NS_GET_USERNS.2const.html)
    #[doc(alias = "NS_GET_PARENT")]
    fn ioctl_ns_get_parent(
        &self,
        namespace: impl AsFd<Self::FdTable>,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let namespace = file_of_namespace(self, &namespace)?;
        // SAFETY: (3), (4); close-on-exec, as the kernel opens it.
        unsafe { opening(self, &namespace, NS_GET_PARENT, 0) }
    }

    /// `ioctl(namespace, NS_GET_NSTYPE)`—the kind of a namespace; `None` for one that this library does not
    /// know.
    ///
    /// Checked: `namespace` is of this task's fd table: an open `/proc/PID/ns/NAME`.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a namespace.
    ///
    /// # References
    ///
    /// [`NS_GET_NSTYPE(2const)`](https://man7.org/linux/man-pages/man2/NS_GET_NSTYPE.2const.html)
    #[doc(alias = "NS_GET_NSTYPE")]
    fn ioctl_ns_get_nstype(
        &self,
        namespace: impl AsFd<Self::FdTable>,
    ) -> Result<Option<NamespaceType>, Error> {
        let namespace = file_of_namespace(self, &namespace)?;
        // SAFETY: (1), (3)
        let flag = unsafe { by_value(self, &namespace, NS_GET_NSTYPE, 0) }?;
        Ok(NamespaceType::of_flag(flag as c_int))
    }

    /// `ioctl(namespace, NS_GET_OWNER_UID, uid)`—the user who has made a user namespace.
    ///
    /// Checked: `namespace` is of this task's fd table: an open `/proc/PID/ns/user`. The id is as the task's
    /// own user namespace sees it.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if it is not a namespace, `EINVAL` if it is not a user namespace.
    ///
    /// # References
    ///
    /// [`NS_GET_OWNER_UID(2const)`](https://man7.org/linux/man-pages/man2/NS_GET_OWNER_UID.2const.html)
    #[doc(alias = "NS_GET_OWNER_UID")]
    fn ioctl_ns_get_owner_uid(&self, namespace: impl AsFd<Self::FdTable>) -> Result<Uid, Error> {
        let namespace = file_of_namespace(self, &namespace)?;
        // SAFETY: (3): a `uid_t`.
        unsafe { get(self, &namespace, NS_GET_OWNER_UID) }.map(Uid::from_raw_unchecked)
    }

    /// `ioctl(fd, request, argument)`—any request that takes the address of an argument.
    ///
    /// Checked: `fd` is of this task's fd table. The argument is lent in the task's memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::Request;
    ///
    /// /// How many bits of entropy the kernel has: `_IOR('R', 0, int)`.
    /// struct EntropyCount;
    ///
    /// // SAFETY: `/dev/random` writes an `int`, for which every bit pattern is a value.
    /// unsafe impl Request for EntropyCount {
    ///     const NUMBER: u32 = 0x8004_5200;
    ///     type Argument = i32;
    ///     type Output = i32;
    ///     fn into_argument(self) -> i32 {
    ///         0
    ///     }
    ///     fn output(_returned: i32, argument: i32) -> i32 {
    ///         argument
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let random = child.openat(Cwd, "/dev/random", OFlags::RDONLY, Mode::empty())?;
    /// // SAFETY: it is what `EntropyCount` is a request to, and nothing is changed.
    /// assert!(unsafe { child.ioctl(&random, EntropyCount) }? >= 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Safety
    ///
    /// - The file is one for which the request is what `R` says: drivers give the same number different
    ///   meanings.
    /// - Addresses in the argument are of this task's address space and valid there for what the driver does
    ///   with them, also after the call if it keeps them; fd numbers in it are of this task's fd table and
    ///   stay open for the call.
    /// - The request changes nothing that a live handle, a task or this library relies on. An fd number that
    ///   it leaves in the argument is nobody's.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if the file does not know the request.
    ///
    /// # References
    ///
    /// [`ioctl(2)`](https://man7.org/linux/man-pages/man2/ioctl.2.html)
    unsafe fn ioctl<R: Request>(
        &self,
        fd: impl AsFd<Self::FdTable>,
        request: R,
    ) -> Result<R::Output, Error> {
        let mut argument = MaybeUninit::new(request.into_argument());
        let bytes = argument.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: (2); the bytes of a local.
        let bytes = unsafe { slice::from_raw_parts_mut(bytes, size_of::<R::Argument>()) };
        let returned = self.interface().lend_mut(bytes, |address| {
            // SAFETY: (1), (2); the request, by this function's contract and that of `R`.
            unsafe { by_value(self, &fd, R::NUMBER, address) }
        })?;
        // SAFETY: what the kernel has left there is a value, by the contract of `R`.
        let argument = unsafe { argument.assume_init() };
        Ok(R::output(returned as c_int, argument))
    }

    /// `ioctl(fd, request, argument)`—any request that takes a number, or nothing; returns what the kernel
    /// does.
    ///
    /// Checked: `fd` is of this task's fd table.
    ///
    /// # Safety
    ///
    /// As for [`ioctl`](Self::ioctl), where `argument` is the argument.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if the file does not know the request.
    ///
    /// # References
    ///
    /// [`ioctl(2)`](https://man7.org/linux/man-pages/man2/ioctl.2.html)
    unsafe fn ioctl_by_value(
        &self,
        fd: impl AsFd<Self::FdTable>,
        request: u32,
        argument: usize,
    ) -> Result<c_int, Error> {
        // SAFETY: (1); the request, by this function's contract.
        unsafe { by_value(self, &fd, request, argument) }.map(|returned| returned as c_int)
    }

    /// `ioctl(fd, request, argument)`—any request that takes a number, or nothing, and returns a new fd.
    ///
    /// Checked: `fd` is of this task's fd table. The new fd is made close-on-exec if the driver has not done
    /// so.
    ///
    /// # Safety
    ///
    /// As for [`ioctl_by_value`](Self::ioctl_by_value); and what the request returns is an fd that it has
    /// opened in the calling process, and that nothing else owns.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENOTTY` if the file does not know the request.
    ///
    /// # References
    ///
    /// [`ioctl(2)`](https://man7.org/linux/man-pages/man2/ioctl.2.html)
    unsafe fn ioctl_fd(
        &self,
        fd: impl AsFd<Self::FdTable>,
        request: u32,
        argument: usize,
    ) -> Result<Fd<Self::FdTable>, Error> {
        // SAFETY: by this function's contract.
        let number = unsafe { by_value(self, &fd, request, argument) }?;
        if number < LOWEST as usize {
            // There, what is not close-on-exec would be taken for somebody else's.
            let flags = [number, libc::F_SETFD as usize, libc::FD_CLOEXEC as usize];
            // SAFETY: (4), by this function's contract.
            unsafe { call(self, Call::FCNTL, flags) }?;
        }
        // SAFETY: as above.
        let opened = unsafe { received(self, number) }?;
        self.fcntl_setfd(&opened, FdFlags::CLOEXEC)?;
        Ok(opened)
    }
}

impl<K: far::Task + ?Sized> IoctlTask for K {}

/// A request of your own to a driver, which takes the address of an argument: [`IoctlTask::ioctl`].
///
/// # Safety
///
/// An implementation promises, for the files that the request is for:
///
/// 1. The kernel reads and writes at most the bytes of one `Argument` at the address it is given.
/// 2. What it leaves there is a value of `Argument`, if the call succeeds.
pub unsafe trait Request {
    /// The number of the request.
    const NUMBER: u32;
    /// What the kernel is given the address of.
    type Argument;
    /// What is learned from it.
    type Output;

    /// What the argument is before the call.
    fn into_argument(self) -> Self::Argument;

    /// What has been learned: from what the call returned, and what has become of the argument.
    fn output(returned: c_int, argument: Self::Argument) -> Self::Output;
}

/// The kind of a namespace: [`IoctlTask::ioctl_ns_get_nstype`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NamespaceType {
    /// `CLONE_NEWCGROUP`
    Cgroup,
    /// `CLONE_NEWIPC`
    Ipc,
    /// `CLONE_NEWNS`
    Mount,
    /// `CLONE_NEWNET`
    Net,
    /// `CLONE_NEWPID`
    Pid,
    /// `CLONE_NEWTIME`
    Time,
    /// `CLONE_NEWUSER`
    User,
    /// `CLONE_NEWUTS`
    Uts,
}

impl NamespaceType {
    const fn of_flag(flag: c_int) -> Option<Self> {
        Some(match flag {
            libc::CLONE_NEWCGROUP => NamespaceType::Cgroup,
            libc::CLONE_NEWIPC => NamespaceType::Ipc,
            libc::CLONE_NEWNS => NamespaceType::Mount,
            libc::CLONE_NEWNET => NamespaceType::Net,
            libc::CLONE_NEWPID => NamespaceType::Pid,
            libc::CLONE_NEWTIME => NamespaceType::Time,
            libc::CLONE_NEWUSER => NamespaceType::User,
            libc::CLONE_NEWUTS => NamespaceType::Uts,
            _ => return None,
        })
    }
}

const FIONREAD: u32 = libc::FIONREAD as u32;
const FIONBIO: u32 = libc::FIONBIO as u32;
// `_IO('\x12', 114)` and so on, as in `linux/fs.h` and `linux/nsfs.h`.
const BLKGETSIZE64: u32 = read_number::<u64>(0x12, 114);
const FS_IOC_GETFLAGS: u32 = read_number::<u64>(b'f', 1);
const FICLONE: u32 = 1 << 30 | (size_of::<c_int>() as u32) << 16 | 0x94 << 8 | 9;
const NS_GET_USERNS: u32 = 0xb701;
const NS_GET_PARENT: u32 = 0xb702;
const NS_GET_NSTYPE: u32 = 0xb703;
const NS_GET_OWNER_UID: u32 = 0xb704;

/// A file that is one of the kernel's own for namespaces: only those make fds of the requests for it.
/// Whoever serves a file system by FUSE answers any request with any number.
fn file_of_namespace<'fd, K: far::Task + ?Sized, T: AsFd<K::FdTable>>(
    task: &K,
    fd: &'fd T,
) -> Result<Steady<'fd, T, K::FdTable>, Error> {
    let fd = steady(task, fd)?;
    if task.fstatfs(&fd)?.f_type == procfs::NSFS {
        Ok(fd)
    } else {
        Err(Error::os(Call::IOCTL, Errno::NOTTY))
    }
}

/// `_IOR(group, number, T)`
const fn read_number<T>(group: u8, number: u8) -> u32 {
    2 << 30 | (size_of::<T>() as u32) << 16 | (group as u32) << 8 | number as u32
}

/// # Safety
///
/// The file takes `argument` for what it is, and the request is sound.
pub(super) unsafe fn by_value<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    request: u32,
    argument: usize,
) -> Result<usize, Error> {
    // SAFETY: (1), and this function's contract.
    unsafe { call(task, Call::IOCTL, [near(task, Call::IOCTL, fd)?, request as usize, argument]) }
}

/// # Safety
///
/// As [`by_value`], for a request that returns a new fd.
pub(super) unsafe fn opening<K: far::Task + ?Sized>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    request: u32,
    argument: usize,
) -> Result<Fd<K::FdTable>, Error> {
    // SAFETY: by this function's contract.
    let number = unsafe { by_value(task, fd, request, argument) }?;
    // SAFETY: (4)
    unsafe { received(task, number) }
}

/// What the kernel fills in for a request that is about a `T`.
///
/// # Safety
///
/// The kernel writes at most a `T`, and the request is sound.
pub(super) unsafe fn get<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    request: u32,
) -> Result<T, Error> {
    with_out(task, |address| {
        // SAFETY: (2), and this function's contract.
        unsafe { by_value(task, fd, request, address) }
    })
}

/// Hands the kernel a `T` for a request that is about one.
///
/// # Safety
///
/// The kernel reads or writes at most a `T`, and the request is sound.
pub(super) unsafe fn set<K: far::Task + ?Sized, T: Plain>(
    task: &K,
    fd: &impl AsFd<K::FdTable>,
    request: u32,
    value: T,
) -> Result<(), Error> {
    with_slice_mut(task, &mut [value], |address| {
        // SAFETY: (2), and this function's contract.
        unsafe { by_value(task, fd, request, address) }.map(drop)
    })
}
