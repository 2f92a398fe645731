use std::cmp::Ordering;
use std::ffi::c_int;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::brand::{Namespace, Of};

/// The number of a watch in the inotify instance `W`.
///
/// It says which of the instance's watches an event is of. The watch may be gone: the kernel takes it
/// away with what it watches, and numbers are not used again for a long time.
#[doc(alias = "wd")]
#[repr(transparent)]
pub struct Watch<W> {
    number: c_int,
    instance: Of<W>,
}

impl<W> Watch<W> {
    pub(crate) const fn new(number: c_int) -> Self {
        Watch { number, instance: Of::new() }
    }

    /// The number, for interfaces that take plain integers.
    #[inline]
    #[must_use]
    pub const fn as_raw(self) -> c_int {
        self.number
    }
}

impl<W> Clone for Watch<W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Watch<W> {}

impl<W> PartialEq for Watch<W> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<W> Eq for Watch<W> {}

impl<W> PartialOrd for Watch<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> Ord for Watch<W> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl<W> Hash for Watch<W> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_raw().hash(state);
    }
}

impl<W: Namespace> fmt::Display for Watch<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({}:{})", W::NAME, self.number)
    }
}

impl<W: Namespace> fmt::Debug for Watch<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a call takes as a watch of the inotify instance `W`: a [`Watch`] of it. Sealed.
#[diagnostic::on_unimplemented(
    message = "the watch is not of this inotify instance",
    label = "`{Self}` is not a watch of `{W}`",
    note = "every inotify instance numbers its watches from 1: the number of one means another in the other",
    note = "give it to the instance that `inotify_add_watch` was called with"
)]
pub trait AsWatch<W>: sealed::Sealed {
    #[doc(hidden)]
    fn number(self) -> Watch<W>;
}

impl<W> AsWatch<W> for Watch<W> {
    fn number(self) -> Watch<W> {
        self
    }
}

mod sealed {
    pub trait Sealed {
        /// So there are no objects, to which another crate could give what it likes.
        const NO_OBJECT: () = ();
    }
    impl<W> Sealed for super::Watch<W> {}
}
