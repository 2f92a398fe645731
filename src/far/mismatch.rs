use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::segment::Identity;
use super::{AddressSpace, FdTable, PidNamespace};

/// A namespace as it is named in an error: its label, and who made it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Side {
    kind: &'static str,
    identity: Identity,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.describe(f, self.kind)
    }
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What an argument is of.
struct Argument {
    side: Option<Side>,
    kind: &'static str,
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Some(side) => write!(f, "{side}"),
            // A number that was learned from a dynamic task, and not kept together with that.
            None => write!(f, "{}(not known, as it is a number alone)", self.kind),
        }
    }
}

macro_rules! mismatch_errors {
    ($($(#[$doc:meta])* $Error:ident $Kind:ident $message:literal)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        #[error($message, argument = Argument { side: self.argument, kind: stringify!($Kind) }, task = self.task)]
        pub struct $Error {
            task: Side,
            argument: Option<Side>,
        }

        impl $Error {
            /// The call was for the first; the argument is of the second, or does not say of which.
            #[cold]
            pub(crate) fn between<T, B>(task: &$Kind<T>, argument: Option<&$Kind<B>>) -> Self {
                let side = |identity| Side { kind: stringify!($Kind), identity };
                $Error {
                    task: side(task.identity()),
                    argument: argument.map(|argument| side(argument.identity())),
                }
            }
        }
    )+};
}

mismatch_errors! {
    /// An fd was given to a task that lives in another fd table. Nothing was sent.
    FdTableMismatchError FdTable
        "not sent: the fd is one of {argument}, but the task lives in {task}"
    /// An address, or a slice, was given to a task that has another memory. Nothing was sent.
    AddressSpaceMismatchError AddressSpace
        "not sent: the memory is that of {argument}, but the task has {task}"
    /// A pid was given to a task that knows processes by other numbers. Nothing was sent.
    PidNamespaceMismatchError PidNamespace
        "not sent: the pid is one of {argument}, but the task lives in {task}"
}

/// An id was given to a task of another namespace: the one thing that can go wrong with
/// [`Dynamic`](crate::Dynamic) tasks, and not with branded ones.
///
/// Found before anything is sent. Both sides are named: the label, and the process that made the namespace.
///
/// ```
/// use nearfar::prelude::*;
/// use nearfar::ErrorKind;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?.erase();
/// brand!(private_fds);
/// let child = here.spawn_with_files(private_fds, ())?.0.erase();
/// let error = child.fstat(&null).unwrap_err();
/// let ErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{error}") };
/// assert!(mismatch.to_string().contains("one of FdTable(host_fds)"));
/// assert!(mismatch.to_string().contains("FdTable(private_fds, #"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NamespaceMismatchError {
    /// Another fd table.
    #[error(transparent)]
    FdTable(FdTableMismatchError),
    /// Another address space.
    #[error(transparent)]
    AddressSpace(AddressSpaceMismatchError),
    /// Another pid namespace.
    #[error(transparent)]
    PidNamespace(PidNamespaceMismatchError),
}

impl From<FdTableMismatchError> for NamespaceMismatchError {
    fn from(error: FdTableMismatchError) -> Self {
        NamespaceMismatchError::FdTable(error)
    }
}

impl From<AddressSpaceMismatchError> for NamespaceMismatchError {
    fn from(error: AddressSpaceMismatchError) -> Self {
        NamespaceMismatchError::AddressSpace(error)
    }
}

impl From<PidNamespaceMismatchError> for NamespaceMismatchError {
    fn from(error: PidNamespaceMismatchError) -> Self {
        NamespaceMismatchError::PidNamespace(error)
    }
}

/// Branded ids have no mismatch to tell of.
impl From<Infallible> for NamespaceMismatchError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Every mismatch there has been, each once: so that an [`Error`](crate::Error) can be a small number, and
/// whoever asks has both sides named.
#[derive(Default)]
struct Seen {
    numbers: HashMap<NamespaceMismatchError, u32>,
    all: Vec<&'static NamespaceMismatchError>,
}

static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(Mutex::default);

impl NamespaceMismatchError {
    /// A number for it, which [`numbered`](Self::numbered) takes back.
    #[cold]
    pub(crate) fn number(self) -> u32 {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { numbers, all } = &mut *seen;
        *numbers.entry(self).or_insert_with(|| {
            all.push(Box::leak(Box::new(self)));
            u32::try_from(all.len() - 1).expect("there are fewer namespaces than that")
        })
    }

    pub(crate) fn numbered(number: u32) -> &'static Self {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).all[number as usize]
    }
}
