use std::ffi::c_int;

use crate::brand::Of;

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

near_id! { Watch, "{}" }

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
