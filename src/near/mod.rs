//! Near ids: numbers that are valid in one namespace.
//!
//! A near id is the number alone, branded with the namespace it means something in. It says
//! nothing about whether the number is in use, and owns nothing: the handles in
//! [`handle`](crate::handle) do. Numbers leave freely (`as_raw`). A pid enters through a named
//! assertion, or as rustix has it, as a wrong one harms nobody's memory or files; the number of an fd only with the fd,
//! from the kernel or from std; the number of a watch only from its inotify instance; an address of this
//! program only as a pointer, one of another program through its [memory](crate::inspect).

mod address;
mod fd;
mod mapping;
mod pid;
mod watch;

pub use address::{Address, AsAddress};
pub use fd::Fd;
pub(crate) use mapping::range_within;
pub use mapping::{MemoryMapping, PageSize};
pub(crate) use pid::sealed;
pub use pid::{AsPgid, AsPid, AsTid, Pgid, Pid, Sid, Tid};
pub use watch::{AsWatch, Watch};
