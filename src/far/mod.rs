//! Far ids: the identity of a namespace, or of an open file, and the trait of everything that lives in some
//! namespaces.
//!
//! In the language of segmented memory, a [`near`](crate::near) id is a near pointer, a value of
//! this module is what a segment register holds, and a [`Task`](trait@Task) is the register.
//!
//! Two values are equal only if they are the same namespace. Identities are never used twice, and
//! each remembers the process that created it, for display.

#[macro_use]
mod segment;

mod address_space;
mod fd_table;
mod file;
mod mismatch;
mod pid;
mod pid_namespace;
mod task;
mod whose;

pub use address_space::AddressSpace;
pub use fd_table::FdTable;
pub(crate) use file::F_DUPFD_QUERY;
pub use file::File;
pub use mismatch::{
    AddressSpaceMismatchError, FdTableMismatchError, NamespaceMismatchError,
    PidNamespaceMismatchError,
};
pub use pid::{Pgid, Pid, Sid, Tid};
pub(crate) use pid_namespace::Joined;
pub use pid_namespace::{PidNamespace, Sees};
pub use segment::NamespaceId;
pub use task::{HoldsTasks, HostNumbers, HostTable, InHostFds, InHostMemory, NotHostTable, Task};
pub use whose::Whose;
