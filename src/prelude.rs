//! What a program that uses this library brings in: `use nearfar::prelude::*`.

pub use crate::brand;
pub use crate::brand::{Brand, HostFds, HostMemory, HostPids};
pub use crate::buf::{IoBuf, IoBufMut};
pub use crate::far::{self, Task as _};
pub use crate::handle::{
    AsFd as _, BorrowedFd, ChildProcess, Cwd, Fd, Inherit, Inheriting, Waited,
};
pub use crate::program::Program;
pub use crate::task::{
    DrivenTask, ExecTask, ExitTask, FileDescriptorTask, FileSystemTask, PrctlTask, ProcessTask,
    ResourceTask, SocketAddress, SocketMessageTask, SocketOptionTask, SocketTask, SpawnTask, Task,
    TerminalTask, UnshareFilesTask,
};
pub use rustix::fs::{Mode, OFlags, SealFlags, SeekFrom};
pub use rustix::io::{Errno, FdFlags};
pub use rustix::net::{
    AddressFamily, RecvFlags, ReturnFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags,
    SocketType,
};
pub use rustix::pipe::PipeFlags;
pub use rustix::process::{Resource, Rlimit, Signal};
