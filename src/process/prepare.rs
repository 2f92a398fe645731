//! Preparing the child before it becomes the program.

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;

use crate::brand::{Brand, HostMemory, labels};
use crate::handle::Fd;
use crate::task::Task;

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

/// The error as it was, in the type that `spawn` returns.
pub(super) fn into_io(error: PrepareError) -> io::Error {
    let error = match error.downcast::<io::Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast::<crate::Error>() {
        Ok(error) => (*error).into(),
        Err(error) => io::Error::other(error),
    }
}
