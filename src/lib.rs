//! Direct-style processes on Linux, in which every fd, address and pid carries the namespace it
//! belongs to.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("nearfar drives its children with x86-64 assembly and Linux's own syscalls");

pub mod brand;
pub mod buf;
pub mod far;
pub mod handle;
pub mod interface;
pub mod near;
pub mod prelude;
pub mod task;

mod program;

#[doc(hidden)]
pub mod __private {
    pub use generativity::make_guard;
}

pub use brand::{Brand, Guard, HostFds, HostMemory, HostPids};
pub use handle::{ChildProcess, Exit, Fd, Killer, Outcome};
pub use interface::{Error, ErrorKind};
pub use program::Program;
pub use task::Task;
