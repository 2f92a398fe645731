use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a driven process does not have itself, but hands over to the program it becomes: while it is
/// driven, every signal is blocked in it, and `SIGPIPE` ignored; in an init with children, or a child of
/// one, also `SIGCHLD`.
///
/// Only its driver uses it; atomic, as what the compiler says of a shared task is about the driver.
#[derive(Debug, Default)]
pub struct ProgramSignals {
    /// The blocked ones, as the kernel takes them.
    blocked: AtomicU64,
    ignores_sigpipe: AtomicBool,
    ignores_sigchld: AtomicBool,
    sigchld_is_taken: AtomicBool,
}

impl ProgramSignals {
    pub(crate) fn blocked(&self) -> u64 {
        self.blocked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_blocked(&self, signals: u64) {
        self.blocked.store(signals, Ordering::Relaxed);
    }

    /// Whether `SIGPIPE` is ignored.
    pub(crate) fn ignores_sigpipe(&self) -> bool {
        self.ignores_sigpipe.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ignores_sigpipe(&self, ignores: bool) {
        self.ignores_sigpipe.store(ignores, Ordering::Relaxed);
    }

    /// Whether `SIGCHLD` is ignored: if it [is taken](Self::sigchld_is_taken), else the process's own
    /// action counts.
    pub(crate) fn ignores_sigchld(&self) -> bool {
        self.ignores_sigchld.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ignores_sigchld(&self, ignores: bool) {
        self.ignores_sigchld.store(ignores, Ordering::Relaxed);
    }

    /// Whether the process itself ignores `SIGCHLD` as it has been told to for its children.
    pub(crate) fn sigchld_is_taken(&self) -> bool {
        self.sigchld_is_taken.load(Ordering::Relaxed)
    }

    pub(crate) fn take_sigchld(&self) {
        self.sigchld_is_taken.store(true, Ordering::Relaxed);
    }
}

impl Clone for ProgramSignals {
    fn clone(&self) -> Self {
        ProgramSignals {
            blocked: self.blocked().into(),
            ignores_sigpipe: self.ignores_sigpipe().into(),
            ignores_sigchld: self.ignores_sigchld().into(),
            sigchld_is_taken: self.sigchld_is_taken().into(),
        }
    }
}
