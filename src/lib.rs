//! Direct-style processes on Linux, in which every fd, address and pid carries the namespace it
//! belongs to.
//!
//! # The code you write today
//!
//! To prepare a child process, code runs in it between `fork` and `exec`: unsafe, unable to report
//! an error, and full of plain integers that mean one file here and another there.
//!
//! ```no_run
//! use std::os::unix::process::CommandExt;
//! use std::process::Command;
//!
//! let log = 7; // An fd, of somebody's table, still open by then, one hopes.
//! let mut command = Command::new("server");
//! // SAFETY: is `log` inherited? Is 3 free? May I allocate here? Who closes the rest?
//! unsafe {
//!     command.pre_exec(move || match libc::dup2(log, 3) {
//!         -1 => Err(std::io::Error::last_os_error()),
//!         _ => Ok(()),
//!     })
//! };
//! let child = command.spawn();
//! # let _ = child;
//! ```
//!
//! # The code you write with us
//!
//! The child is a value, and everything it does is a line in the parent.
//!
//! ```
//! use nearfar::prelude::*;
//!
//! # fn main() -> Result<(), nearfar::Error> {
//! let here = Task::here();
//! let child = here.spawn()?;
//! # let server = Program::new("sh").args(["-c", "echo ready >&3"]);
//! # let path = "/dev/null";
//! let log = child.openat(Cwd, path, OFlags::WRONLY, Mode::empty())?;
//! let server = child.program(&server).fd(3, &log).exec()?;
//! assert!(server.wait()?.success());
//! # Ok(())
//! # }
//! ```
//!
//! Those who come from [`std::process::Command`] find its methods on [`process::Command`]; a closure that
//! was `pre_exec` runs here, on the child, and is safe.
//!
//! ```
//! use nearfar::prelude::*;
//! use nearfar::process::Command;
//!
//! # fn main() -> std::io::Result<()> {
//! let mut command = Command::new("nice");
//! command.prepare(|child| {
//!     child.setpriority(10)?;
//!     println!("{} is nice now", child.getpid()?);
//!     Ok(())
//! });
//! assert_eq!(command.output()?.stdout, b"10\n");
//! # Ok(())
//! # }
//! ```
//!
//! Give the child a table of its own, and the type of everything in it says so: the wrong fd in the
//! wrong task does not compile, and the message names both tables and the way across.
//!
//! ```compile_fail,E0277
//! use nearfar::prelude::*;
//!
//! # fn main() -> Result<(), nearfar::Error> {
//! let here = Task::here();
//! let (reader, writer) = here.pipe2(PipeFlags::empty())?;
//! brand!(private_fds);
//! let (child, writer) = here.spawn()?.unshare_files(private_fds, writer)?;
//! here.write(&writer, b"not mine any more")?;
//! # Ok(())
//! # }
//! ```
//!
//! # Words
//!
//! - *Host*: this process, in which your code runs.
//! - *Driven task*: a child process that runs nothing but the calls that you make in it.
//! - *Transition*: a call that takes a task, and gives it back in another namespace, or as a program.
//! - *Brand*: the type of a namespace. *Label*: the name that you gave it.
//!
//! # The modules
//!
//! Segmented memory is the analogy: a *near* pointer means nothing without a segment, a *far* pointer
//! is a near pointer together with its segment.
//!
//! | module | what is in it |
//! |---|---|
//! | [`near`] | numbers valid in one namespace: `Fd`, `Address`, `MemoryMapping`, `PageSize`, `Pid`, `Tid`, `Pgid`, `Sid`, `Watch` |
//! | [`far`] | identities of namespaces and of open files, and `Task`, the trait of everything that lives in namespaces |
//! | [`mod@brand`] | the type-level names of namespaces, and why no two are the same |
//! | [`handle`] | a near id and the duty to release it: `Fd`, `Epoll`, `Inotify`, `FsContext`, `MountFd`, `Mapping`, `Pointer`, `ChildProcess`; what crosses tables |
//! | [`buf`] | buffers, and whose memory they are |
//! | [`inspect`] | the memory of other programs, for debuggers and profilers |
//! | [`process`] | `Command`, with std's surface and a safe `pre_exec` |
//! | [`task`] | tasks, and what they can be asked to do: one trait and file for each kind of call |
//! | [`interface`] | how a raw syscall gets to the process that makes it; knows no namespaces |
//! | [`prelude`] | what programs import: the traits of tasks, and the types of their arguments |
//!
//! # What it does not do
//!
//! Brands guard against mistakes. They do not guard against `unsafe` code that forges ids or
//! unshares its own thread, against another thread that closes a number by raw `close`, or against
//! `/proc/self/mem`. A driven child shares this program's memory, or has a copy of it: it is not a
//! sandbox before it has become a program.
//!
//! Where types cannot know which namespace it will be, tasks, handles and pids are [`Dynamic`]: the same
//! calls, checked at run time.
//!
//! # Requirements
//!
//! x86-64 Linux 5.16 or later, Rust 1.85 or later.
//!
//! The feature `tokio`, which is off by default, has its runtime wait for fds of this process and for children:
//! `ChildProcess::wait_async`, and in [`process`] an output, and an end, without a thread that blocks.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")))]
compile_error!("nearfar drives its children with x86-64 assembly and Linux's own syscalls");

#[macro_use]
mod set;
#[macro_use]
mod undone;

pub mod brand;
pub mod buf;
pub mod far;
pub mod handle;
pub mod inspect;
pub mod interface;
pub mod near;
pub mod prelude;
pub mod process;
pub mod task;

mod id_map;
mod instead;
mod namespaces;
mod plain;
mod program;
mod seccomp;
mod signals;
mod unique;

#[doc(hidden)]
pub mod __private {
    /// Under a name that the compiler quotes where its rule is broken.
    pub use crate::__unique as nothing_outlives_the_block_of_its_brand_unless_erased;
    pub use crate::unique::{Block, Place};
}

pub use brand::{Brand, Dynamic, Guard, HostFds, HostMemory, HostPids};
/// Plain data is what this crate says it is.
pub use bytemuck;
pub use handle::{
    BorrowedFd, ChildProcess, Epoll, Exit, Fd, FsContext, Inotify, Killer, Mapping, MountFd,
    Outcome, Pointer, Usage, Waited,
};
pub use id_map::IdMap;
pub use inspect::ProcessMemory;
pub use interface::{Error, ErrorKind};
/// Some of its types are in this crate's signatures: `sock_filter`, `rusage`.
pub use libc;
pub use namespaces::Namespaces;
pub use plain::PlainData;
pub use process::Command;
pub use program::Program;
/// Some of its types are in this crate's signatures: flags, `Stat`, `Errno`, `Signal`.
pub use rustix;
pub use seccomp::SeccompFilter;
pub use signals::SignalSet;
pub use task::Task;

/// The README's example, as a test.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
