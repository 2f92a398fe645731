//! What a program that uses this library brings in: `use nearfar::prelude::*`.

pub use crate::brand;
pub use crate::brand::{Brand, HostFds, HostMemory, HostPids};
pub use crate::buf::{IoBuf, IoBufMut};
pub use crate::far::{self, Task as _};
pub use crate::handle::{
    AsFd as _, BorrowedFd, ChildProcess, Cwd, Fd, FsContext, Inherit, Inheriting, MountFd, Waited,
};
pub use crate::namespaces::Namespaces;
pub use crate::program::Program;
pub use crate::task::{
    AT_RECURSIVE, CapabilityTask, CredentialsTask, DirectoryTask, DrivenTask, ExecTask, ExitTask,
    FileDescriptorTask, FileSystemTask, FsContextTask, FutexTask, LayerTask, MetadataTask,
    MountAttr, MountFdTask, MountTask, PrctlTask, ProcessTask, ResourceTask, SchedTask,
    SchedulingTask, SignalTask, SocketAddress, SocketMessageTask, SocketOptionTask, SocketTask,
    SpawnTask, StorageTask, Task, TerminalTask, TransferTask, UnshareFilesTask, UnsharePidTask,
    UtsTask,
};
pub use rustix::fs::{
    Access, AtFlags, FallocateFlags, FileType, FlockOperation, Gid, MemfdFlags, Mode, OFlags,
    RenameFlags, ResolveFlags, SealFlags, SeekFrom, StatxFlags, Timespec, Timestamps, Uid,
    XattrFlags,
};
pub use rustix::io::{Errno, FdFlags, ReadWriteFlags};
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
pub use rustix::thread::{CapabilitySet, CapabilitySets};
