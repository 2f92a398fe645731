use std::ffi::c_int;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

/// How a process ended, and what it has used.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    outcome: Outcome,
    usage: Option<Usage>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It exited with this status, 0 to 255.
    Exited(u8),
    /// A signal killed it.
    Killed {
        /// The number of the signal.
        signal: i32,
        /// Whether it left a core dump.
        core_dumped: bool,
    },
}

impl Exit {
    /// From the `si_code` and `si_status` of a SIGCHLD.
    pub(crate) fn from_siginfo(code: c_int, status: c_int, usage: Usage) -> Self {
        let outcome = match code {
            libc::CLD_EXITED => Outcome::Exited(status as u8),
            code => Outcome::Killed { signal: status, core_dumped: code == libc::CLD_DUMPED },
        };
        Exit { outcome, usage: Some(usage) }
    }

    /// From the status word that `wait(2)` returns.
    pub(crate) fn from_wait_status(status: i32, usage: Option<Usage>) -> Self {
        let outcome = if libc::WIFEXITED(status) {
            Outcome::Exited(libc::WEXITSTATUS(status) as u8)
        } else {
            Outcome::Killed { signal: libc::WTERMSIG(status), core_dumped: libc::WCOREDUMP(status) }
        };
        Exit { outcome, usage }
    }

    /// How it ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether it exited with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.outcome == Outcome::Exited(0)
    }

    /// The exit status, if it exited.
    #[must_use]
    pub const fn code(&self) -> Option<u8> {
        match self.outcome {
            Outcome::Exited(code) => Some(code),
            Outcome::Killed { .. } => None,
        }
    }

    /// The number of the signal that killed it, if one did.
    #[must_use]
    pub const fn signal(&self) -> Option<i32> {
        match self.outcome {
            Outcome::Killed { signal, .. } => Some(signal),
            Outcome::Exited(_) => None,
        }
    }

    /// Whether a signal killed it and it left a core dump.
    #[must_use]
    pub const fn core_dumped(&self) -> bool {
        matches!(self.outcome, Outcome::Killed { core_dumped: true, .. })
    }

    /// What it and its own waited-for children have used; `None` if another part of the program
    /// reaped it, and only the status could be learned afterwards.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

/// In the words of std's [`ExitStatus`]: `exit status: 1`, `signal: 9 (SIGKILL)`.
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome.fmt(f)
    }
}

/// In the words of std's [`ExitStatus`]: `exit status: 1`, `signal: 9 (SIGKILL)`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ExitStatus::from(*self).fmt(f)
    }
}

impl From<Exit> for ExitStatus {
    fn from(exit: Exit) -> Self {
        exit.outcome.into()
    }
}

impl From<Outcome> for ExitStatus {
    fn from(outcome: Outcome) -> Self {
        const CORE_DUMPED: i32 = 0x80;
        ExitStatus::from_raw(match outcome {
            Outcome::Exited(code) => i32::from(code) << 8,
            Outcome::Killed { signal, core_dumped } => {
                signal | if core_dumped { CORE_DUMPED } else { 0 }
            }
        })
    }
}

/// For a program that ends as another one did: its status, or, as in a shell's `$?`, 128 and the number of the signal
/// that has killed it.
///
/// ```
/// use std::process::ExitCode;
///
/// use nearfar::prelude::*;
///
/// fn main() -> ExitCode {
///     let run = || Task::here().spawn()?.program(&Program::new("true")).exec()?.wait();
///     match run() {
///         Ok(exit) => exit.outcome().into(),
///         Err(error) => {
///             eprintln!("{error}");
///             ExitCode::FAILURE
///         }
///     }
/// }
/// ```
impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Exited(code) => code.into(),
            Outcome::Killed { signal, .. } => (128 + signal as u8).into(),
        }
    }
}

/// For the status of a process that has ended: `ExitStatus::from_raw` can also make that of one which is stopped,
/// and there is no such outcome.
impl From<ExitStatus> for Outcome {
    fn from(status: ExitStatus) -> Self {
        Exit::from_wait_status(status.into_raw(), None).outcome
    }
}

/// What a process has used in its life: `getrusage(2)`.
#[derive(Clone, Copy)]
pub struct Usage(libc::rusage);

impl Usage {
    pub(crate) const fn new(usage: libc::rusage) -> Self {
        Usage(usage)
    }

    /// Processor time in user mode.
    #[must_use]
    pub fn user_time(&self) -> Duration {
        duration(self.0.ru_utime)
    }

    /// Processor time in the kernel.
    #[must_use]
    pub fn system_time(&self) -> Duration {
        duration(self.0.ru_stime)
    }

    /// The most memory it had resident at once, in KiB.
    ///
    /// Not less than what this program had at the time of the exec: until then the child shared this
    /// program's memory, and the kernel counts that in.
    #[must_use]
    pub fn max_resident_kib(&self) -> u64 {
        self.0.ru_maxrss as u64
    }

    /// How many page faults needed no I/O: pages that were in memory already, or new ones.
    #[must_use]
    #[doc(alias = "ru_minflt")]
    pub fn minor_faults(&self) -> u64 {
        self.0.ru_minflt as u64
    }

    /// How many page faults had to wait for I/O.
    #[must_use]
    #[doc(alias = "ru_majflt")]
    pub fn major_faults(&self) -> u64 {
        self.0.ru_majflt as u64
    }

    /// How much was read from disks for it, in blocks of 512 bytes. What was in the page cache is not counted.
    #[must_use]
    #[doc(alias = "ru_inblock")]
    pub fn blocks_read(&self) -> u64 {
        self.0.ru_inblock as u64
    }

    /// How much it has written that has to go to disks, in blocks of 512 bytes.
    #[must_use]
    #[doc(alias = "ru_oublock")]
    pub fn blocks_written(&self) -> u64 {
        self.0.ru_oublock as u64
    }

    /// How many times it gave up the processor, to wait for something.
    #[must_use]
    #[doc(alias = "ru_nvcsw")]
    pub fn voluntary_context_switches(&self) -> u64 {
        self.0.ru_nvcsw as u64
    }

    /// How many times the processor was taken from it, for another process or as its time was over.
    #[must_use]
    #[doc(alias = "ru_nivcsw")]
    pub fn involuntary_context_switches(&self) -> u64 {
        self.0.ru_nivcsw as u64
    }

    /// Everything the kernel counts.
    #[must_use]
    pub const fn as_raw(&self) -> &libc::rusage {
        &self.0
    }
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Usage")
            .field("user_time", &self.user_time())
            .field("system_time", &self.system_time())
            .field("max_resident_kib", &self.max_resident_kib())
            .field("minor_faults", &self.minor_faults())
            .field("major_faults", &self.major_faults())
            .field("blocks_read", &self.blocks_read())
            .field("blocks_written", &self.blocks_written())
            .field("voluntary_context_switches", &self.voluntary_context_switches())
            .field("involuntary_context_switches", &self.involuntary_context_switches())
            .finish_non_exhaustive()
    }
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}
