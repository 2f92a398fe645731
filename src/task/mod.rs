//! Tasks: processes that make syscalls for us.
//!
//! A [`Task`] knows its namespaces and how to reach the process; what it can be asked to do is in
//! the extension traits of this module, one file each, which [`prelude`](crate::prelude) brings in.
//! All but [`SpawnTask`] and [`DrivenTask`] are implemented for everything that implements
//! [`far::Task`](trait@far::Task). What changes the task itself, and what the calling thread must not do, is for driven
//! child processes alone: those methods say `where Self: DrivenTask`.
//!
//! Methods have the names of the manual pages, and one for each operation of a call that has several:
//! [`fcntl_getfl`](FcntlTask::fcntl_getfl), [`prctl_set_name`](PrctlTask::prctl_set_name). Where a name
//! ends in `_of`, as in [`prlimit_of`](ResourceTask::prlimit_of), the call is about another process, which is given
//! by a handle ([`AsProcess`](crate::handle::AsProcess)): it never gets at a stranger with the same number. Calls
//! that take a number for a process say so by their parameter, `pid`.
//!
//! | trait | what for | syscalls |
//! |---|---|---|
//! | [`FileDescriptorTask`] | files and pipes | `openat`, `read`, `write`, `pread`, `pwrite`, `lseek`, `close`, `fcntl`, `dup3`, `pipe2`, `fstat` |
//! | [`IoTask`] | std's `Read`, `Write` and `Seek` for an fd | `read`, `write`, `lseek` |
//! | [`FcntlTask`] | flags of fds and open files, pipe sizes, seals, locks | `fcntl` |
//! | [`CloseRangeTask`] | many fds at once, by their numbers | `close_range` |
//! | [`BatchTask`] | many short calls in one round trip | `read`, `write`, `pread`, `pwrite`, `fsync`, `fdatasync` |
//! | [`TransferTask`] | several buffers at once; from file to file | `readv`, `writev`, `preadv2`, `pwritev2`, `copy_file_range`, `splice`, `tee`, `sendfile` |
//! | [`DirectoryTask`] | names in directories | `openat2`, `mkdirat`, `mknodat`, `unlinkat`, `linkat`, `symlinkat`, `readlinkat`, `renameat2`, `getdents64` |
//! | [`MetadataTask`] | permissions, owners, times, extended attributes | `faccessat2`, `fchmodat`, `fchmod`, `fchownat`, `fchown`, `utimensat`, `statx`, `fstatat`, `statfs`, `fstatfs`, `fsetxattr`, `fgetxattr`, `flistxattr`, `fremovexattr` |
//! | [`StorageTask`] | sizes, syncing, whole-file locks, memory files | `truncate`, `ftruncate`, `fallocate`, `fsync`, `fdatasync`, `flock`, `memfd_create` |
//! | [`EventTask`] | counters, timers and signals as fds | `eventfd`, `timerfd_create`, `timerfd_settime`, `timerfd_gettime`, `signalfd` |
//! | [`PollTask`] | waiting for several fds | `ppoll` |
//! | [`EpollTask`] | waiting for many fds | `epoll_create1`, `epoll_ctl`, `epoll_pwait2` |
//! | [`InotifyTask`] | watching files | `inotify_init1`, `inotify_add_watch`, `inotify_rm_watch` |
//! | [`IoctlTask`] | requests to drivers and file systems | `ioctl` |
//! | [`MemoryTask`] | mappings, and memory allocated in a task's address space | `mmap`, `munmap`, `mremap`, `mprotect`, `madvise`, `msync`, `mlock`, `munlock`; of this program, `process_vm_readv`, `process_vm_writev` |
//! | [`FileSystemTask`] | working directory, root, umask | `chdir`, `fchdir`, `chroot`, `umask` |
//! | [`ProcessTask`] | ids, groups and sessions, signals to others, pidfds, waits | `getpid`, `getppid`, `gettid`, `getpgid`, `setpgid`, `getsid`, `setsid`, `kill`, `tgkill`, `pidfd_open`, `pidfd_send_signal`, `pidfd_getfd`, `waitid` |
//! | [`TerminalTask`] | terminals, the controlling one, pseudoterminals | `ioctl` |
//! | [`SocketTask`] | sockets and their addresses | `socket`, `socketpair`, `bind`, `listen`, `accept4`, `connect`, `shutdown`, `getsockname`, `getpeername` |
//! | [`SocketMessageTask`] | data, and fds for other tables | `sendto`, `recvfrom`, `sendmsg`, `recvmsg` |
//! | [`SocketOptionTask`] | options, and who the peer is | `getsockopt`, `setsockopt` |
//! | [`ResourceTask`] | limits, also of others, priority, usage | `prlimit`, `getpriority`, `setpriority`, `getrusage` |
//! | [`PrctlTask`] | name, privileges, subreaper, timer slack | `prctl` |
//! | [`SignalTask`] | signal masks, dispositions, signals with a value | `sigprocmask`, `sigpending`, `sigaction`, `rt_sigqueueinfo` |
//! | [`CredentialsTask`] | user and group ids, id maps | `getresuid`, `getresgid`, `getgroups`, `setgroups`; `openat`, `write` |
//! | [`SchedulingTask`] | processors, scheduling policy, also of others | `sched_setaffinity`, `sched_getaffinity`, `sched_setattr`, `sched_getattr` |
//! | [`FutexTask`] | sleeping on a word, waking sleepers | `futex`, `futex_waitv` |
//! | [`RobustListTask`] | words that are let go of when a task ends | `set_robust_list` |
//! | [`NamespaceTask`] | namespaces that change no brand | `unshare`, `setns` |
//! | [`TimeNamespaceTask`] | the clocks of a new time namespace | `openat`, `write`, `read` |
//! | [`MountTask`] | mounts | `mount`, `umount2`, `pivot_root` |
//! | [`MountFdTask`] | mounts by fd | `open_tree`, `move_mount`, `mount_setattr` |
//! | [`FsContextTask`] | new file systems by fd | `fsopen`, `fspick`, `fsconfig`, `fsmount` |
//! | [`NetDeviceTask`] | network devices, up and down | `ioctl` |
//! | [`UtsTask`] | host and domain name | `uname`, `sethostname`, `setdomainname` |
//! | [`CapabilityTask`] | capabilities | `capget`, `capset`, `prctl` |
//! | [`SeccompTask`] | filters for the program's syscalls | `seccomp` |
//! | [`DrivenTask`] | the child process itself: its pid here, its end | |
//! | [`SpawnTask`] | child tasks | `clone3` |
//! | [`UnshareFilesTask`] | a private fd table | `close_range` |
//! | [`UnsharePidTask`] | another pid namespace for the children | `unshare`, `setns` |
//! | [`ExecTask`] | becoming a program | `close_range`, `execve`, `execveat` |
//! | [`ExitTask`] | ending | `exit_group` |
//! | [`LayerTask`] | watching and refusing calls | all |
//! | [`VerifyTask`] | comparing beliefs with the kernel | `kcmp` |
#![doc = include_str!("calls.md")]

mod arguments;
mod batch;
mod capability;
mod credentials;
mod directory;
mod driven;
mod dynamic;
mod epoll;
mod event;
mod exec;
mod exit;
mod file_descriptor;
mod file_system;
mod fs_context;
mod futex;
mod inotify;
mod io;
mod ioctl;
mod layer;
mod memory;
mod metadata;
mod mount;
mod mount_fd;
mod namespaces;
mod net_device;
mod poll;
mod prctl;
mod process;
mod resource;
mod robust_list;
mod scheduling;
mod seccomp;
mod signal;
mod socket;
mod spawn;
mod storage;
mod terminal;
mod time_namespace;
mod transfer;
mod unshare_files;
mod unshare_pid;
mod uts;
mod verify;

use std::fmt;

use crate::brand::{HostFds, HostMemory, HostPids, Namespace};
use crate::far::{self, AddressSpace, FdTable, PidNamespace};
use crate::handle::Exit;
use crate::instead::IsAProgram;
use crate::interface::{Error, Local, Process, Ring, SyscallInterface};
use crate::near;

pub(crate) use arguments::in_own_memory;
pub use batch::{Batch, BatchTask};
pub use capability::CapabilityTask;
pub use credentials::{CredentialsTask, Ids};
pub use directory::{Device, DirectoryEntries, DirectoryEntry, DirectoryTask, Node};
pub use driven::DrivenTask;
pub use dynamic::{Pinned, PinnedTask, PinnedWith, pinned};
pub use epoll::{EpollEvent, EpollTask};
pub use event::{EventTask, SignalInfo};
pub(crate) use exec::{Attributes, spawn_program};
pub use exec::{Exec, ExecTask, NotExecuted};
pub use exit::ExitTask;
pub use file_descriptor::{CloseRangeTask, Ends, FcntlTask, FileDescriptorTask, Lock, LockKind};
pub use file_system::FileSystemTask;
pub use fs_context::{FsContextTask, FsMessage, FsMessageKind};
pub use futex::{FutexDeadline, FutexScope, FutexTask, FutexWaiter, FutexWord};
pub use inotify::{InotifyEvent, InotifyEvents, InotifyTask};
pub use io::{FdIo, IoTask};
pub use ioctl::{IoctlTask, NamespaceType, Request};
pub use layer::{LayerTask, Layered};
pub use memory::{MappingUnchanged, MemoryTask, Sharing};
pub use metadata::MetadataTask;
pub use mount::MountTask;
pub use mount_fd::{AT_RECURSIVE, MountAttr, MountFdTask};
pub use namespaces::NamespaceTask;
pub use net_device::NetDeviceTask;
pub use poll::{PollFd, PollFds, PollTask};
pub use prctl::PrctlTask;
pub use process::{ChildEvent, ProcessTask};
pub use resource::{ResourceTask, UsageOf};
pub use robust_list::{FUTEX_OWNER_DIED, FUTEX_WAITERS, RobustList, RobustListTask};
pub use scheduling::{CpuSet, Policy, SchedAttr, SchedulingTask};
pub use seccomp::SeccompTask;
pub use signal::{SigAction, SigmaskChange, SignalTask};
pub use socket::{
    NotInet, PeerCredentials, Received, SocketAddress, SocketMessageTask, SocketOptionTask,
    SocketTask,
};
pub use spawn::SpawnTask;
pub use storage::StorageTask;
pub use terminal::TerminalTask;
pub use time_namespace::{TimeNamespaceTask, TimeOffsets};
pub use transfer::TransferTask;
pub use unshare_files::{NotUnshared, UnshareFilesTask, Unshared};
pub use unshare_pid::{PidNamespaceUnchanged, UnsharePidTask};
pub use uts::{Uname, UtsTask};
pub use verify::{Truth, Verdict, VerifyTask};

/// A process that makes syscalls for us: in the fd table `F`, the address space `A` and the pid
/// namespace `P`, reached through `I`, with children going to the pid namespace `C`.
///
/// [`Task::here`] is the calling thread. [`spawn`](SpawnTask::spawn) makes a child process that does
/// nothing but serve syscalls, shares all of its parent's namespaces (but not its working directory,
/// root and umask), and can go its own way from there, step by step.
///
/// A driven task is `Send`, not `Sync` and not `Clone`: one driver at a time. It lives as long as
/// this value and this process: dropping the value ends and reaps it, and waits for that, some
/// 200 ms at most. Its signals are blocked while it is driven, so a Ctrl-C does not end it before it is a
/// program (but `SIGSTOP` stops it, and calls then wait for the `SIGCONT`). A call that blocks can be ended by its
/// [`killer`](DrivenTask::killer).
///
/// gdb takes a driven task for a thread of this program, and loses the program when the task becomes another one;
/// `strace -f` does not. What a [`Command`](crate::process::Command) starts without a preparation, both take for what
/// it is.
///
/// If this process becomes another program, its driven children end, and that program finds them as children that it
/// has not made: a `waitpid` with `__WALL` reaps them.
///
/// No call is made again by itself: on the calling thread, what blocks fails with `EINTR` when a signal handler has
/// run, as everywhere. The signals of a driven task are blocked; only after a `SIGSTOP` and a `SIGCONT` do some calls
/// fail so, such as [`epoll_pwait2`](EpollTask::epoll_pwait2) ([`signal(7)`]).
///
/// [`signal(7)`]: https://man7.org/linux/man-pages/man7/signal.7.html
///
/// # In async code
///
/// A call on a driven task blocks the calling thread until the child has made it, as the same call would do if that
/// thread made it itself. So most can be made as they are; what waits for somebody else, such as a read of a pipe,
/// belongs where other blocking calls do: `spawn_blocking` or `block_in_place` of tokio. Or it is made from this
/// process: fds of its table are waited for by the runtime, and so are [children](crate::ChildProcess).
///
/// A future that holds a task over an `await` can be spawned, as a task is `Send`. It is not `Sync`, so that an `async
/// fn` that borrows one, or something that has one in it, takes it as `&mut`, or by value.
///
/// # Its type in signatures
///
/// Functions are generic over what they need of a task: `K: far::Task`, one of the traits of this module, or, for
/// transitions, [`DrivenTask`]; an fd of that task is an `Fd<K::FdTable>`. To name a type: what [`Task::here`] returns
/// is `Task<HostFds, HostMemory, HostPids, Local>`, a child that still shares everything is `Task<HostFds, HostMemory,
/// HostPids>`, and one that was [erased](Self::erase) is `Task<Dynamic, Dynamic, Dynamic>`, which can be stored
/// anywhere. A function that returns a task with a new brand takes its [`Guard`](crate::Guard) as a parameter, so that
/// the caller declares it.
#[must_use = "dropping a driven task ends its process"]
pub struct Task<F, A, P, I = Ring, C = P> {
    interface: I,
    fd_table: FdTable<F>,
    address_space: AddressSpace<A>,
    pid_namespace: PidNamespace<P>,
    child_pid_namespace: PidNamespace<C>,
    pid: near::Pid<P>,
}

impl Task<HostFds, HostMemory, HostPids, Local> {
    /// The calling thread, making its syscalls directly.
    ///
    /// It cannot be sent to another thread (call `Task::here()` there), and it has no transitions:
    /// unsharing the fd table of a thread that runs Rust code would turn every `OwnedFd` of the
    /// program into a number of some other file. Do it in a child.
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// here.write(&writer, b"hello")?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(here.read(&reader, &mut buffer)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn here() -> Self {
        let pid = near::Pid::asserted(std::process::id() as i32).expect("our own pid is positive");
        Task::sharing_host(Local::new(), pid)
    }
}

impl<I> Task<HostFds, HostMemory, HostPids, I> {
    fn sharing_host(interface: I, pid: near::Pid<HostPids>) -> Self {
        Task {
            interface,
            fd_table: FdTable::HOST,
            address_space: AddressSpace::HOST,
            pid_namespace: PidNamespace::HOST,
            child_pid_namespace: PidNamespace::HOST,
            pid,
        }
    }
}

impl<F, A, P> Task<F, A, P> {
    /// The same task, with its pids as another pid namespace's, in which it has this pid.
    pub(crate) fn with_pids<Q>(
        self,
        namespace: PidNamespace<Q>,
        pid: near::Pid<Q>,
    ) -> Task<F, A, Q> {
        let Task { interface, fd_table, address_space, .. } = self;
        let (pid_namespace, child_pid_namespace) = (namespace.clone(), namespace);
        Task { interface, fd_table, address_space, pid_namespace, child_pid_namespace, pid }
    }
}

impl<F, A, P, I, C> Task<F, A, P, I, C> {
    #[doc(hidden)]
    pub fn wait(self) -> Result<Exit, Error>
    where
        Self: IsAProgram,
    {
        self.ended()
    }

    /// Its pid, as it sees it itself.
    pub(crate) fn own_pid(&self) -> near::Pid<P> {
        self.pid
    }
}

impl<F, A, P, C> Task<F, A, P, Ring, C> {
    /// The same task, with its memory as the address space that it is: for a child that has been forked.
    pub(crate) fn with_own_memory<B: Namespace>(self) -> Task<F, B, P, Ring, C> {
        let memory = self.interface.memory().expect("a forked child has a memory of its own");
        let address_space = AddressSpace::of(memory.clone());
        let Task { interface, fd_table, pid_namespace, child_pid_namespace, pid, .. } = self;
        Task { interface, fd_table, address_space, pid_namespace, child_pid_namespace, pid }
    }

    pub(crate) fn process(&self) -> &Process {
        self.interface.process()
    }
}

#[expect(unsafe_code, reason = "this is the type the trait describes")]
// SAFETY: a task is made with the namespaces of the process behind its interface, and the
// transitions, which take it by value, are all that changes them (promises 1 and 2).
unsafe impl<F, A, P, I, C> far::Task for Task<F, A, P, I, C>
where
    F: Namespace,
    A: Namespace,
    P: Namespace,
    C: Namespace,
    I: SyscallInterface,
{
    type FdTable = F;
    type AddressSpace = A;
    type PidNamespace = P;
    type ChildPidNamespace = C;
    type Interface = I;

    #[inline]
    fn interface(&self) -> &I {
        &self.interface
    }

    #[inline]
    fn fd_table(&self) -> &FdTable<F> {
        &self.fd_table
    }

    #[inline]
    fn address_space(&self) -> &AddressSpace<A> {
        &self.address_space
    }

    #[inline]
    fn pid_namespace(&self) -> &PidNamespace<P> {
        &self.pid_namespace
    }

    #[inline]
    fn child_pid_namespace(&self) -> &PidNamespace<C> {
        &self.child_pid_namespace
    }

    fn pid(&self) -> near::Pid<P> {
        self.pid
    }
}

impl<F: Namespace, A: Namespace, P: Namespace, I, C> fmt::Debug for Task<F, A, P, I, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({}, {}, {})", self.pid, self.fd_table, self.address_space)
    }
}
