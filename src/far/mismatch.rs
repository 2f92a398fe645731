use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use super::{AddressSpace, FdTable, NamespaceId, PidNamespace};

/// The two sides of a mismatch, of the same kind: a task's namespace, and that of what it was compared with, if
/// that is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Sides {
    compared: Compared,
    task: NamespaceId,
    other: Option<NamespaceId>,
}

/// What a task was compared with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Compared {
    /// What it was given in a call, or for one.
    Argument,
    /// Another task.
    Task,
    /// Another task, for where the children of both go.
    Children,
}

/// How a side is named in an error: by its label, and who made it.
struct Side {
    kind: &'static str,
    id: Option<NamespaceId>,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => id.describe(f, self.kind),
            None => write!(f, "{}(not known)", self.kind),
        }
    }
}

macro_rules! mismatch_errors {
    ($($(#[$doc:meta])* $Error:ident $Kind:ident $variant:ident $message:literal $unknown:literal)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $Error {
            sides: Sides,
        }

        impl $Error {
            /// The call was for the first; the argument is of the second, or does not say of which.
            #[cold]
            pub(crate) fn between<T, B>(task: &$Kind<T>, argument: Option<&$Kind<B>>) -> Self {
                Self::with(Compared::Argument, task, argument)
            }

            /// A task was to live where another one does.
            #[cold]
            pub(crate) fn between_tasks<T, B>(task: &$Kind<T>, other: &$Kind<B>) -> Self {
                Self::with(Compared::Task, task, Some(other))
            }

            fn with<T, B>(compared: Compared, task: &$Kind<T>, other: Option<&$Kind<B>>) -> Self {
                let (task, other) = (task.id(), other.map($Kind::id));
                $Error { sides: Sides { compared, task, other } }
            }

            /// The task's side, and the other one.
            fn named(&self) -> (Side, Side) {
                let side = |id| Side { kind: stringify!($Kind), id };
                (side(Some(self.sides.task)), side(self.sides.other))
            }
        }

        impl fmt::Debug for $Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (task, other) = self.named();
                let name = match self.sides.compared {
                    Compared::Argument => "argument",
                    Compared::Task | Compared::Children => "other",
                };
                write!(f, "{}(task: {task}, {name}: {other})", stringify!($Error))
            }
        }

        impl fmt::Display for $Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (task, other) = self.named();
                match self.sides.compared {
                    // A number that was learned from a dynamic task, and not kept together with that.
                    Compared::Argument if other.id.is_none() => write!(f, $unknown, task = task),
                    Compared::Argument => write!(f, $message, argument = other, task = task),
                    Compared::Task => write!(f, "the task lives in {task}, and the other in {other}"),
                    Compared::Children => {
                        write!(f, "the task's children live in {task}, and the other's in {other}")
                    }
                }
            }
        }

        impl Error for $Error {}

        impl From<$Error> for NamespaceMismatchError {
            fn from(error: $Error) -> Self {
                NamespaceMismatchError::$variant(error)
            }
        }
    )+};
}

mismatch_errors! {
    /// An fd was given to a task that lives in another fd table, or two tasks live in different ones. Nothing
    /// was sent.
    FdTableMismatchError FdTable FdTable
        "the fd is one of {argument}, but the task lives in {task}"
        "a borrowed fd does not say of which table it is, but the task lives in {task}, and is checked at run \
         time: pass the `&Fd` itself, or `pin` the task, as for every `ppoll`"
    /// An address, or a slice, was given to a task that has another memory, or two tasks have different ones.
    /// Nothing was sent.
    AddressSpaceMismatchError AddressSpace AddressSpace
        "the memory is that of {argument}, but the task has {task}"
        "an address alone does not say of which memory it is, but the task has {task}, and is checked at run \
         time: `pin` the task, as for every `futex_waitv`"
    /// A pid was given to a task that knows processes by other numbers, or two tasks, or their children, do.
    /// Nothing was sent.
    PidNamespaceMismatchError PidNamespace PidNamespace
        "the pid is one of {argument}, but the task lives in {task}"
        "a number alone does not say of which pid namespace it is, but the task lives in {task}, and is checked \
         at run time: keep it as a `far::Pid`, by `far::Pid::of(&task, pid)` (a group as a `far::Pgid`), or `pin` the task"
}

impl PidNamespaceMismatchError {
    /// A task's children were to go where another one's go.
    #[cold]
    pub(crate) fn between_children<T, B>(task: &PidNamespace<T>, other: &PidNamespace<B>) -> Self {
        Self::with(Compared::Children, task, Some(other))
    }
}

/// An id was given to a task of another namespace, or a task taken for one that lives elsewhere: the one
/// thing that can go wrong with [`Dynamic`](crate::Dynamic) tasks, and not with branded ones.
///
/// Found before anything is sent. Both sides are named: the label, and the process that made the namespace.
///
/// An [`Error`](crate::Error) of it is small, and so remembered for good: some 300 bytes for each two namespaces
/// between which a call has been refused. [`rebrand_ref`](crate::Fd::rebrand_ref) and its like return it
/// as it is, and may be asked as often as one likes.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamespaceMismatchError {
    /// Another fd table.
    FdTable(FdTableMismatchError),
    /// Another address space.
    AddressSpace(AddressSpaceMismatchError),
    /// Another pid namespace.
    PidNamespace(PidNamespaceMismatchError),
}

impl fmt::Display for NamespaceMismatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamespaceMismatchError::FdTable(error) => error.fmt(f),
            NamespaceMismatchError::AddressSpace(error) => error.fmt(f),
            NamespaceMismatchError::PidNamespace(error) => error.fmt(f),
        }
    }
}

impl Error for NamespaceMismatchError {}

impl From<NamespaceMismatchError> for io::Error {
    fn from(error: NamespaceMismatchError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// Branded ids have no mismatch to tell of.
impl From<Infallible> for NamespaceMismatchError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Every mismatch that has been an [`Error`](crate::Error), each once: so that those are small.
#[derive(Default)]
struct Seen {
    numbers: HashMap<NamespaceMismatchError, u32>,
    all: Vec<&'static NamespaceMismatchError>,
}

static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(Mutex::default);

impl Seen {
    fn lock() -> MutexGuard<'static, Seen> {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NamespaceMismatchError {
    /// A number for it, which [`numbered`](Self::numbered) takes back.
    #[cold]
    pub(crate) fn number(self) -> u32 {
        let Seen { numbers, all } = &mut *Seen::lock();
        *numbers.entry(self).or_insert_with(|| {
            all.push(Box::leak(Box::new(self)));
            u32::try_from(all.len() - 1).expect("memory ends before that")
        })
    }

    pub(crate) fn numbered(number: u32) -> &'static Self {
        Seen::lock().all[number as usize]
    }
}
