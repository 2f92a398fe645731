use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::error::Error;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use super::{AddressSpace, FdTable, NamespaceId, PidNamespace};

/// The two sides of a mismatch: of the same kind, the task's namespace, and what an argument says of its own.
#[derive(PartialEq, Eq, Hash)]
struct Sides {
    kind: &'static str,
    task: NamespaceId,
    argument: Option<NamespaceId>,
}

/// How a side is named in an error: by its label, and who made it.
struct Side {
    kind: &'static str,
    id: Option<NamespaceId>,
}

impl Sides {
    fn task(&self) -> Side {
        Side { kind: self.kind, id: Some(self.task) }
    }

    fn argument(&self) -> Side {
        Side { kind: self.kind, id: self.argument }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => id.describe(f, self.kind),
            // A number that was learned from a dynamic task, and not kept together with that.
            None => write!(f, "{}(not known, as it is a number alone)", self.kind),
        }
    }
}

macro_rules! mismatch_errors {
    ($($(#[$doc:meta])* $Error:ident $Kind:ident $variant:ident $message:literal)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $Error {
            sides: &'static Sides,
        }

        impl $Error {
            /// The call was for the first; the argument is of the second, or does not say of which.
            #[cold]
            pub(crate) fn between<T, B>(task: &$Kind<T>, argument: Option<&$Kind<B>>) -> Self {
                let (task, argument) = (task.id(), argument.map($Kind::id));
                $Error { sides: Seen::sides(Sides { kind: stringify!($Kind), task, argument }) }
            }
        }

        impl fmt::Debug for $Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (task, argument) = (self.sides.task(), self.sides.argument());
                write!(f, "{}(task: {task}, argument: {argument})", stringify!($Error))
            }
        }

        impl fmt::Display for $Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $message, argument = self.sides.argument(), task = self.sides.task())
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
    /// An fd was given to a task that lives in another fd table. Nothing was sent.
    FdTableMismatchError FdTable FdTable
        "not sent: the fd is one of {argument}, but the task lives in {task}"
    /// An address, or a slice, was given to a task that has another memory. Nothing was sent.
    AddressSpaceMismatchError AddressSpace AddressSpace
        "not sent: the memory is that of {argument}, but the task has {task}"
    /// A pid was given to a task that knows processes by other numbers. Nothing was sent.
    PidNamespaceMismatchError PidNamespace PidNamespace
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

/// Every mismatch there has been, each once: so that errors are small, and whoever asks has both sides named.
#[derive(Default)]
struct Seen {
    sides: HashSet<&'static Sides>,
    numbers: HashMap<NamespaceMismatchError, u32>,
    all: Vec<&'static NamespaceMismatchError>,
}

static SEEN: LazyLock<Mutex<Seen>> = LazyLock::new(Mutex::default);

impl Seen {
    fn lock() -> MutexGuard<'static, Seen> {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sides(sides: Sides) -> &'static Sides {
        let mut seen = Seen::lock();
        if let Some(known) = seen.sides.get(&sides) {
            return known;
        }
        let sides = &*Box::leak(Box::new(sides));
        seen.sides.insert(sides);
        sides
    }
}

impl NamespaceMismatchError {
    /// A number for it, which [`numbered`](Self::numbered) takes back.
    #[cold]
    pub(crate) fn number(self) -> u32 {
        let Seen { numbers, all, .. } = &mut *Seen::lock();
        *numbers.entry(self).or_insert_with(|| {
            all.push(Box::leak(Box::new(self)));
            u32::try_from(all.len() - 1).expect("there are fewer namespaces than that")
        })
    }

    pub(crate) fn numbered(number: u32) -> &'static Self {
        Seen::lock().all[number as usize]
    }
}

const _: () = assert!(size_of::<NamespaceMismatchError>() <= 16);
