use std::cell::Cell;

/// What a driven process does not have itself, but hands over to the program it becomes: while it is
/// driven, every signal is blocked in it, and `SIGPIPE` ignored.
#[derive(Clone, Debug, Default)]
pub struct ProgramSignals {
    /// The blocked ones, as the kernel takes them.
    pub(crate) blocked: Cell<u64>,
    /// Whether `SIGPIPE` is ignored.
    pub(crate) ignores_sigpipe: Cell<bool>,
}
