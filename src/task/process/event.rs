use std::ffi::c_int;

/// What [`waitid`](super::ProcessTask::waitid) has found. Signals are numbers, as in
/// [`Outcome`](crate::Outcome).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChildEvent {
    /// It has exited with this status, 0 to 255.
    Exited(u8),
    /// This signal has killed it.
    Killed(i32),
    /// This signal has killed it, and it has left a core dump.
    Dumped(i32),
    /// This signal has stopped it.
    Stopped(i32),
    /// It is traced, and this signal has stopped it.
    Trapped(i32),
    /// `SIGCONT` has continued it.
    Continued,
}

impl ChildEvent {
    /// From the `si_code` and `si_status` of a `SIGCHLD`; `None` if no child has filled them in.
    pub(super) fn from_siginfo(code: c_int, status: c_int) -> Option<Self> {
        Some(match code {
            libc::CLD_EXITED => ChildEvent::Exited(status as u8),
            libc::CLD_KILLED => ChildEvent::Killed(status),
            libc::CLD_DUMPED => ChildEvent::Dumped(status),
            libc::CLD_STOPPED => ChildEvent::Stopped(status),
            libc::CLD_TRAPPED => ChildEvent::Trapped(status),
            libc::CLD_CONTINUED => ChildEvent::Continued,
            _ => return None,
        })
    }
}
