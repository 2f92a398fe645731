//! What a ring is asked to have its child do, and what comes of it.

use std::ffi::c_int;
use std::sync::atomic::Ordering;

use crate::interface::page::Entry;
use crate::interface::{Call, Error, server};

/// A step of a [`Ring::submit`].
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(super) call: Call,
    pub(super) arguments: [usize; 6],
    pub(super) or_next: bool,
    or_exit: bool,
    or_go_on: bool,
}

impl Request {
    pub(crate) fn new<const N: usize>(call: Call, arguments: [usize; N]) -> Self {
        let mut all = [0; 6];
        all[..N].copy_from_slice(&arguments);
        Request { call, arguments: all, or_next: false, or_exit: false, or_go_on: false }
    }

    /// If this finds nothing that can be executed, the next one is tried in its place.
    pub(crate) fn or_next(self) -> Self {
        Request { or_next: true, ..self }
    }

    /// If this fails, the child exits.
    pub(crate) fn or_exit(self) -> Self {
        Request { or_exit: true, ..self }
    }

    /// If this fails, the others are made all the same.
    pub(super) fn or_go_on(self) -> Self {
        Request { or_go_on: true, ..self }
    }

    /// Writes it into an entry, with more flags beside its own.
    pub(super) fn write_to(&self, entry: &Entry, flags: usize) {
        let mut number = self.call.number() | flags;
        for (is_asked_for, flag) in [
            (self.or_next, server::OR_NEXT),
            (self.or_exit, server::OR_EXIT),
            (self.or_go_on, server::OR_GO_ON),
        ] {
            number |= if is_asked_for { flag } else { 0 };
        }
        entry.number.store(number as u32, Ordering::Relaxed);
        for (to, argument) in entry.arguments.iter().zip(self.arguments) {
            to.store(argument, Ordering::Relaxed);
        }
        entry.answer.store(UNANSWERED, Ordering::Relaxed);
    }

    /// Whether the child becomes a program by it: that takes longer than anybody looks out for an answer.
    pub(super) fn executes(&self) -> bool {
        matches!(self.call, Call::EXECVE | Call::EXECVEAT)
    }

    /// Whether the child may have fewer capabilities than this program after it: in a user namespace that it makes,
    /// whose owner has them all.
    pub(super) fn lessens_privileges(&self) -> bool {
        match self.call {
            Call::CAPSET => true,
            Call::UNSHARE => makes_user_namespace(self.arguments[0] as c_int),
            _ => false,
        }
    }

    /// Whether the kernel may take this for a change of privileges: then it disarms the death signal,
    /// and makes the memory that the child shares with this program undumpable.
    pub(super) fn changes_credentials(&self) -> bool {
        match self.call {
            Call::SETRESUID | Call::SETRESGID => true,
            // Entering a user namespace that is somebody else's gives privileges in it.
            Call::SETNS => self.arguments[1] & libc::CLONE_NEWUSER as usize != 0,
            _ => false,
        }
    }
}

/// Whether these `CLONE_NEW..` flags are for a user namespace, too.
pub(super) const fn makes_user_namespace(flags: c_int) -> bool {
    flags & libc::CLONE_NEWUSER != 0
}

/// The step that failed, and how.
pub(crate) struct Failed {
    pub(crate) step: usize,
    pub(crate) error: Error,
    /// How those have failed in whose place later ones were tried.
    pub(crate) passed_over: Vec<Error>,
}

impl Failed {
    /// Before the first step, or in it.
    pub(super) fn at_first(error: Error) -> Self {
        Failed { step: 0, error, passed_over: Vec::new() }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

/// The last one's answer, or what has come of the first that has failed.
pub(crate) type Answers = Result<usize, Failed>;

/// What an entry holds until the server has executed it.
pub(super) const UNANSWERED: usize = isize::MAX as usize;

pub(super) fn is_passed_over(error: Error) -> bool {
    error.errno().is_some_and(|errno| server::PASSED_OVER.contains(&errno))
}
