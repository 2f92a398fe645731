//! What `/proc` and a pidfd tell of a child, and of namespaces.
//!
//! # Safety
//!
//! 1. A file of a namespace that an `ioctl` has opened is a new fd, and nobody else's.
#![expect(unsafe_code, reason = "calls that rustix does not have")]

use std::ffi::{c_int, c_ulong};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat, fstatfs, readlinkat};
use rustix::io::Errno;
use rustix::ioctl::opcode;

use super::Process;
use super::pidfd::number_in_proc;
use crate::interface::memory::copy_above_stdio;
use crate::interface::procfs::{self, reason};
use crate::interface::{Call, Local, SyscallInterface};

impl Process {
    /// Whether it has ended, or is about to and can do nothing else any more: an init waits for the
    /// others in its namespace to be reaped.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_said_to_end() == Some(true)
    }

    /// The same; `None` if the kernel does not tell.
    pub(super) fn is_said_to_end(&self) -> Option<bool> {
        /// `PF_EXITING` of `linux/sched.h`.
        const EXITING: u64 = 4;
        if self.has_ended() {
            return Some(true);
        }
        self.flags().map(|flags| flags & EXITING != 0)
    }

    /// Whether it does not live in this program's memory any more, or in that of the other process, as it has become
    /// another program or has ended; `None` if the kernel does not tell.
    pub(in crate::interface) fn has_left_memory(&self, of: Option<&Process>) -> Option<bool> {
        const KCMP_VM: usize = 1;
        if self.has_ended() {
            return Some(true);
        }
        let call = |call, arguments: [usize; 5]| {
            // SAFETY: passes numbers. One of them may be a stranger's by now: then the process has ended, as is seen next
            // time.
            unsafe { Local::new().syscall(call, arguments) }
        };
        let other = match of {
            Some(other) => Ok(other.pid.as_raw() as usize),
            None => call(Call::GETTID, [0; 5]),
        };
        let compare = |other| call(Call::KCMP, [other, self.pid.as_raw() as usize, KCMP_VM, 0, 0]);
        match other.and_then(compare) {
            Ok(order) if order != 0 => Some(true),
            // A filter may have made that up; or it may not be looked into. A program is in a memory of its own.
            _ => self.flags().map(|flags| flags & procfs::FORKED_NOT_EXECED == 0),
        }
    }

    /// The same, some moments after its server has gone: the kernel is some microseconds from there, if it is not
    /// interrupted.
    pub(crate) fn leaves_memory(&self, of: Option<&Process>) -> Option<bool> {
        const LOOKS: usize = 1000;
        for _ in 0..LOOKS {
            match self.has_left_memory(of) {
                Some(false) => thread::yield_now(),
                told => return told,
            }
        }
        Some(false)
    }

    /// Whether this thread may look into it, and write to its files in `/proc`; so if it is not told.
    pub(in crate::interface) fn is_seen(&self) -> bool {
        let Some(directory) = self.in_proc("") else { return true };
        let file = |name| format!("{directory}{name}");
        let looked = readlinkat(CWD, file("ns/user"), Vec::new());
        let looked =
            looked.and_then(|_| accessat(CWD, file("uid_map"), Access::WRITE_OK, AtFlags::EACCESS));
        !matches!(looked, Err(Errno::ACCESS | Errno::PERM))
    }

    /// Whether `setresuid` or `setresgid`, with three times this id, would leave it the ids it has.
    pub(in crate::interface) fn has_these_ids(&self, call: Call, id: usize) -> bool {
        let (field, map) = match call {
            Call::SETRESUID => ("Uid:", "uid_map"),
            Call::SETRESGID => ("Gid:", "gid_map"),
            _ => return false,
        };
        self.ids_here(field).is_some_and(|ids| {
            let id_here = self.id_here(map, id as u64);
            ids.iter().all(|current| Some(*current) == id_here)
        })
    }

    /// Its real, effective, saved and file system ids, as this process's user namespace has them.
    fn ids_here(&self, field: &str) -> Option<Vec<u64>> {
        let status = procfs::read(&self.in_proc("status")?).ok()?;
        let ids = status.lines().find_map(|line| line.strip_prefix(field))?;
        ids.split_whitespace().map(|id| id.parse().ok()).collect()
    }

    /// What an id of its user namespace is in this process's.
    fn id_here(&self, map: &str, id: u64) -> Option<u64> {
        let theirs = OpenNamespace::of(&self.in_proc("ns/user")?).ok()?;
        if theirs == OpenNamespace::of_this_thread("user").ok()? {
            return Some(id);
        }
        let map = procfs::read(&self.in_proc(map)?).ok()?;
        map.lines().find_map(|line| {
            let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
            let mut next = || numbers.next().flatten();
            let (inside, outside, count) = (next()?, next()?, next()?);
            (inside..inside + count).contains(&id).then(|| outside + (id - inside))
        })
    }

    /// The namespace of a kind that it is in, or that its children will be in: open, so that no other one
    /// is the same, and as it can be compared.
    pub(crate) fn namespace(&self, kind: &str) -> Result<OpenNamespace, Errno> {
        let by_pidfd = match kind {
            "pid" => OpenNamespace::of_pidfd(&self.pidfd),
            // It would tell even of one that nobody has lived in yet, which nobody here would recognise.
            _ => Err(Errno::OPNOTSUPP),
        };
        // Linux before 6.11, or it has ended and is not reaped.
        by_pidfd.or_else(|_untold| self.namespace_in_proc(kind))
    }

    /// The same, as `/proc` has it.
    fn namespace_in_proc(&self, kind: &str) -> Result<OpenNamespace, Errno> {
        let path = self.in_proc(&format!("ns/{kind}")).ok_or(Errno::SRCH)?;
        let namespace = OpenNamespace::of(&path)?;
        // It was still there, so that the path was its own.
        let again = self.in_proc(&format!("ns/{kind}"));
        if again == Some(path) { Ok(namespace) } else { Err(Errno::SRCH) }
    }

    /// The pid that it has in its own pid namespace.
    pub(crate) fn own_pid(&self) -> Result<c_int, Errno> {
        own_pid(&self.in_proc("status").ok_or(Errno::SRCH)?)
    }

    /// The path of a file about it.
    fn in_proc(&self, file: &str) -> Option<String> {
        Some(format!("/proc/{}/{file}", number_in_proc(&self.pidfd)?))
    }

    pub(in crate::interface) fn has_ended(&self) -> bool {
        self.is_reaped() || self.ends_within(Some(Duration::ZERO)).unwrap_or(false)
    }

    /// The kernel's flags of it.
    pub(super) fn flags(&self) -> Option<u64> {
        let number = number_in_proc(&self.pidfd)?;
        let stat = procfs::read(&format!("/proc/{number}/stat")).ok()?;
        let flags = procfs::stat_field(&stat, procfs::FLAGS)?;
        // It was still there, so that the number was its own.
        (number_in_proc(&self.pidfd)? == number).then_some(flags)
    }
}

/// What the kernel calls a namespace, as long as there is one: device and inode.
pub(in crate::interface) type NamespaceName = (u64, u64);

/// A namespace of the kernel's.
pub(crate) struct OpenNamespace {
    file: fs::File,
    device: u64,
    inode: u64,
}

impl OpenNamespace {
    /// That of a file in `/proc/PID/ns`.
    pub(crate) fn of(path: &str) -> Result<Self, Errno> {
        let file = procfs::open(path)?;
        is_namespace(&file)?;
        OpenNamespace::from_file(file)
    }

    /// That of a process, by its pidfd.
    fn of_pidfd(pidfd: &OwnedFd) -> Result<Self, Errno> {
        const PIDFD_GET_PID_NAMESPACE: libc::Ioctl = opcode::none(0xFF, 5) as libc::Ioctl;
        OpenNamespace::from_file(opened_by(pidfd, PIDFD_GET_PID_NAMESPACE)?)
    }

    /// That of one of the kernel's own files.
    fn from_file(mut file: fs::File) -> Result<Self, Errno> {
        if file.as_raw_fd() <= 2 {
            // These a new table gets without being told.
            file = copy_above_stdio(&file)?.into();
        }
        let metadata = file.metadata().map_err(|error| reason(&error))?;
        Ok(OpenNamespace { device: metadata.dev(), inode: metadata.ino(), file })
    }

    pub(super) fn name(&self) -> NamespaceName {
        (self.device, self.inode)
    }

    /// The names of this one and those around it, up to this process's own.
    pub(in crate::interface) fn and_those_around(&self) -> Result<Vec<NamespaceName>, Errno> {
        let mut names = vec![self.name()];
        let mut outer = self.parent()?;
        while let Some(namespace) = outer {
            names.push(namespace.name());
            outer = namespace.parent()?;
        }
        Ok(names)
    }

    /// The one around it; `None` if this process is not to know of it, as it is around its own.
    fn parent(&self) -> Result<Option<Self>, Errno> {
        const NS_GET_PARENT: libc::Ioctl = opcode::none(0xB7, 2) as libc::Ioctl;
        match opened_by(&self.file, NS_GET_PARENT) {
            Err(Errno::PERM) => Ok(None),
            parent => OpenNamespace::from_file(parent?).map(Some),
        }
    }

    /// That of the calling thread.
    pub(crate) fn of_this_thread(kind: &str) -> Result<Self, Errno> {
        OpenNamespace::of(&format!("/proc/thread-self/ns/{kind}"))
    }
}

impl PartialEq for OpenNamespace {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// The namespace that the kernel opens for a request that takes no argument.
fn opened_by(fd: &impl AsFd, request: libc::Ioctl) -> Result<fs::File, Errno> {
    const NO_ARGUMENT: c_ulong = 0;
    let fd = fd.as_fd();
    // If that is refused, it could not be told below whose the new fd is, either.
    let _may_be_asked = fstatfs(fd)?;
    // SAFETY: passes no pointer, and makes a new fd.
    let number = unsafe { libc::ioctl(fd.as_raw_fd(), request, NO_ARGUMENT) };
    if number < 0 {
        return Err(reason(&io::Error::last_os_error()));
    }
    // SAFETY: (1), and not closed meanwhile.
    let opened = unsafe { BorrowedFd::borrow_raw(number) };
    // A number that a filter has made up is of another file, and that is somebody else's.
    is_namespace(opened)?;
    // SAFETY: (1)
    Ok(unsafe { fs::File::from_raw_fd(number) })
}

/// Sees to it that a file is of a namespace: what lies where it should be may be anything.
fn is_namespace(file: impl AsFd) -> Result<(), Errno> {
    if fstatfs(file)?.f_type == procfs::NSFS { Ok(()) } else { Err(Errno::NOTTY) }
}

/// The pid that a process has in its own pid namespace, as the last field of its `status` says.
pub(crate) fn own_pid(status: &str) -> Result<c_int, Errno> {
    let status = procfs::read(status)?;
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    // Without pid namespaces, the kernel has no such line.
    let own = pids.and_then(|pids| pids.split_whitespace().last()?.parse().ok());
    own.ok_or(Errno::OPNOTSUPP)
}
