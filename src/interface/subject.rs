use std::sync::Arc;

use super::Process;

/// Whom an interface sends to.
#[derive(Debug)]
pub struct Subject<'interface>(Whom<'interface>);

/// What this process knows of that.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom<'interface> {
    /// Nothing: it is an interface of the user's.
    Unknown,
    ThisThread,
    Child(&'interface Arc<Process>),
}

impl<'interface> Subject<'interface> {
    pub(super) const UNKNOWN: Self = Subject(Whom::Unknown);
    pub(super) const THIS_THREAD: Self = Subject(Whom::ThisThread);

    pub(super) const fn of_child(process: &'interface Arc<Process>) -> Self {
        Subject(Whom::Child(process))
    }

    pub(crate) const fn whom(&self) -> Whom<'interface> {
        self.0
    }
}
