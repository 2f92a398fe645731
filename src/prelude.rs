//! What a program that uses this library brings in: `use nearfar::prelude::*`.

pub use crate::brand;
pub use crate::brand::{Brand, HostFds, HostMemory, HostPids};
pub use crate::far::{self, Task as _};
pub use crate::handle::{
    AsFd as _, BorrowedFd, ChildProcess, Cwd, Epoll, Fd, Inherit, Inheriting, Inotify, Waited,
};
pub use crate::program::Program;
pub use crate::signals::SignalSet;
pub use crate::task::{
    DrivenTask, EpollEvent, EpollTask, EventTask, ExecTask, ExitTask, FileDescriptorTask,
    FileSystemTask, InotifyTask, IoctlTask, PollFd, PollTask, PrctlTask, ProcessTask, ResourceTask,
    SpawnTask, Task, TerminalTask, UnshareFilesTask,
};
pub use rustix::event::{EventfdFlags, PollFlags, epoll};
pub use rustix::fs::{Mode, OFlags, SealFlags, SeekFrom, inotify};
pub use rustix::io::{Errno, FdFlags};
pub use rustix::pipe::PipeFlags;
pub use rustix::process::{Resource, Rlimit, Signal};
pub use rustix::termios::{OptionalActions, Termios, Winsize};
pub use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
