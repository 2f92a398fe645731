//! Handles: a near id, and the duty to release what it names.

mod child;
mod exit;
mod fd;
mod inherit;
mod std_bridge;

pub use child::{ChildProcess, Killer, Waited};
pub use exit::{Exit, Outcome, Usage};
pub use fd::{AsDirFd, AsFd, BorrowedFd, Cwd, Fd, IntoFd};
pub use inherit::{Inherit, Inheriting};

pub(crate) use inherit::Listed;

/// Traits nobody else may implement: their implementations are what ties numbers to tables.
mod sealed {
    pub trait Sealed {}
    impl<T: Sealed + ?Sized> Sealed for &T {}
}
