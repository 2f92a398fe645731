//! Preparing the child before it becomes the program.

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::brand::{Brand, Dynamic, HostMemory, labels};
use crate::far::NamespaceMismatchError;
use crate::handle::Fd;
use crate::inspect::ReadError;
use crate::task::{MappingUnchanged, NotUnshared, Task};

labels! {
    child_fds "Label of the fd table of a child that a [`Command`](super::Command) prepares."
    child_pids "Label of the pid namespace of a child that a [`Command`](super::Command) prepares."
}

/// The fd table of a child that a [`Command`](super::Command) prepares.
pub type ChildFds<'id> = Brand<'id, child_fds>;

/// The child that a [`Command`](super::Command) prepares: in an fd table of its own, in this process's
/// memory, and in a pid namespace that may be its own.
pub type ChildTask<'id> = Task<ChildFds<'id>, HostMemory, Brand<'id, child_pids>>;

/// What a preparation may fail with: every error converts into it with `?`.
pub type PrepareError = Box<dyn Error + Send + Sync>;

/// A step of the preparation, and the fds it is given.
pub(super) struct Preparation {
    pub(super) fds: Vec<OwnedFd>,
    pub(super) run: Box<Run>,
}

/// What a step does with the child, and with its copies of the step's fds.
pub(super) type Run = dyn for<'id> FnMut(&ChildTask<'id>, &[Fd<ChildFds<'id>>]) -> Result<(), PrepareError>
    + Send
    + Sync;

/// The error as it was, in the type that `spawn` returns. What converts into that has its kind.
pub(super) fn into_io(error: PrepareError) -> io::Error {
    macro_rules! known {
        ($($Known:ty)+) => {{
            $(let error = match error.downcast::<$Known>() {
                Ok(known) => return (*known).into(),
                Err(error) => error,
            };)+
            error
        }};
    }
    io::Error::other(known! {
        io::Error
        crate::Error
        Errno
        NamespaceMismatchError
        ReadError
        NotUnshared<(), (), Dynamic>
        MappingUnchanged<HostMemory>
        MappingUnchanged<Dynamic>
    })
}
