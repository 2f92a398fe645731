//! What a program that uses this library brings in: `use nearfar::prelude::*`.

pub use crate::brand;
pub use crate::brand::{Brand, Dynamic, Guard, HostFds, HostMemory, HostPids};
pub use crate::buf::{HoldsSlices, IoBuf, IoBufMut};
pub use crate::far::{self, Task as _};
pub use crate::handle::{
    AsFd as _, BorrowedFd, ChildProcess, Cwd, Epoll, Fd, FsContext, Inherit, Inheriting, Inotify,
    Mapping, MountFd, Outcome, Pointer, Waited,
};
pub use crate::id_map::IdMap;
pub use crate::inspect::ProcessMemory;
pub use crate::namespaces::Namespaces;
pub use crate::near;
pub use crate::plain::PlainData;
pub use crate::program::Program;
pub use crate::seccomp::SeccompFilter;
pub use crate::signals::SignalSet;
pub use crate::task::{
    AT_RECURSIVE, BatchTask, CapabilityTask, CloseRangeTask, CredentialsTask, DirectoryTask,
    DrivenTask, EpollEvent, EpollTask, EventTask, ExecTask, ExitTask, FcntlTask,
    FileDescriptorTask, FileSystemTask, FsContextTask, FutexTask, InotifyTask, IoTask, IoctlTask,
    LayerTask, MemoryTask, MetadataTask, MountAttr, MountFdTask, MountTask, NamespaceTask,
    NetDeviceTask, PollFd, PollTask, PrctlTask, ProcessTask, ResourceTask, RobustListTask,
    SchedulingTask, SeccompTask, Sharing, SigmaskChange, SignalTask, SocketAddress,
    SocketMessageTask, SocketOptionTask, SocketTask, SpawnTask, StorageTask, Task, TerminalTask,
    TimeNamespaceTask, TransferTask, UnshareFilesTask, UnsharePidTask, UsageOf, UtsTask,
    VerifyTask,
};
pub use rustix::event::{EventfdFlags, PollFlags, epoll};
pub use rustix::fs::{
    Access, AtFlags, FallocateFlags, FileType, FlockOperation, Gid, MemfdFlags, Mode, OFlags,
    RenameFlags, ResolveFlags, SealFlags, SeekFrom, StatxFlags, Timestamps, Uid, XattrFlags,
    inotify,
};
pub use rustix::io::{Errno, FdFlags, ReadWriteFlags};
pub use rustix::mm::{Advice, MsyncFlags, ProtFlags};
pub use rustix::mount::{
    FsPickFlags, MountAttrFlags, MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags,
};
pub use rustix::net::{
    AddressFamily, RecvFlags, ReturnFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags,
    SocketType,
};
pub use rustix::pipe::{PipeFlags, SpliceFlags};
pub use rustix::process::{Resource, Rlimit, Signal, WaitIdOptions};
pub use rustix::termios::{OptionalActions, Termios, Winsize};
pub use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
pub use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
