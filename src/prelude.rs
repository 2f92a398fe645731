//! What a program that uses this library brings in: `use nearfar::prelude::*`.

pub use crate::brand;
pub use crate::brand::{Brand, HostFds, HostMemory, HostPids};
pub use crate::far::{self, Task as _};
pub use crate::handle::{
    AsFd as _, BorrowedFd, ChildProcess, Cwd, Fd, Inherit, Inheriting, Waited,
};
pub use crate::program::Program;
pub use crate::task::{
    DirectoryTask, DrivenTask, ExecTask, ExitTask, FileDescriptorTask, FileSystemTask,
    MetadataTask, PrctlTask, ProcessTask, ResourceTask, SpawnTask, StorageTask, Task, TerminalTask,
    TransferTask, UnshareFilesTask,
};
pub use rustix::fs::{
    Access, AtFlags, FallocateFlags, FileType, FlockOperation, Gid, MemfdFlags, Mode, OFlags,
    RenameFlags, ResolveFlags, SealFlags, SeekFrom, StatxFlags, Timespec, Timestamps, Uid,
    XattrFlags,
};
pub use rustix::io::{Errno, FdFlags, ReadWriteFlags};
pub use rustix::pipe::{PipeFlags, SpliceFlags};
pub use rustix::process::{Resource, Rlimit, Signal};
