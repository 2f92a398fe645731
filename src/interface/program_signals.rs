use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a driven process does not have itself, but hands over to the program it becomes: while it is
/// driven, every signal is blocked in it, and `SIGPIPE` ignored.
///
/// Only its driver uses it; atomic, as what the compiler says of a shared task is about the driver.
#[derive(Debug, Default)]
pub struct ProgramSignals {
    /// The blocked ones, as the kernel takes them.
    blocked: AtomicU64,
    ignores_sigpipe: AtomicBool,
}

impl ProgramSignals {
    pub(crate) fn blocked(&self) -> u64 {
        self.blocked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_blocked(&self, signals: u64) {
        self.blocked.store(signals, Ordering::Relaxed);
    }

    /// Where the mask is, for the kernel to read it.
    pub(crate) fn blocked_ptr(&self) -> *const u64 {
        self.blocked.as_ptr()
    }

    /// Whether `SIGPIPE` is ignored.
    pub(crate) fn ignores_sigpipe(&self) -> bool {
        self.ignores_sigpipe.load(Ordering::Relaxed)
    }

    pub(crate) fn set_ignores_sigpipe(&self, ignores: bool) {
        self.ignores_sigpipe.store(ignores, Ordering::Relaxed);
    }
}

impl Clone for ProgramSignals {
    fn clone(&self) -> Self {
        let copy = ProgramSignals::default();
        copy.set_blocked(self.blocked());
        copy.set_ignores_sigpipe(self.ignores_sigpipe());
        copy
    }
}
