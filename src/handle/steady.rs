use super::sealed::Sealed;
use super::{AsFd, Fd};
use crate::far::{FdTable, Whose};
use crate::near;

/// An fd that is the same open file from one call to the next, so that what one has been told of it holds for the
/// other.
///
/// At 0, 1 and 2, which everybody can borrow from std, anybody may put another file meanwhile.
pub(crate) enum Steady<'fd, T: ?Sized, F> {
    /// Its owner leaves it where it is.
    Lent(&'fd T),
    /// A copy that nobody else knows of.
    Copied(Fd<F>),
}

impl<T: ?Sized, F> Sealed for Steady<'_, T, F> {}

impl<F, T: AsFd<F> + ?Sized> AsFd<F> for Steady<'_, T, F> {
    fn near_fd(&self) -> near::Fd<F> {
        match self {
            Steady::Lent(fd) => fd.near_fd(),
            Steady::Copied(copy) => copy.near(),
        }
    }
    fn table(&self) -> Whose<'_, FdTable<F>> {
        match self {
            Steady::Lent(fd) => fd.table(),
            Steady::Copied(copy) => AsFd::table(copy),
        }
    }
}
