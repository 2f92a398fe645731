//! Processors and scheduling policies.
//!
//! # Safety
//!
//! 1. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps
//!    none of them after the call.
//! 2. The pid in a call is 0, the caller itself, or that of a process that there is a handle of.
#![expect(unsafe_code, reason = "syscalls")]

use std::hash::{Hash, Hasher};
use std::time::Duration;
use std::{fmt, iter, vec};

use rustix::io::Errno;

use crate::far;
use crate::handle::{AsProcess, with_number_of};
use crate::interface::{Call, Error, SyscallInterface};

use super::arguments::{Plain, call, with_bytes_of_sizes, with_in_out, with_out};

/// Any number of processors, by their numbers.
///
/// ```
/// use nearfar::task::CpuSet;
///
/// let cpus = CpuSet::from_iter([0, 3, 2000]);
/// assert!(cpus.contains(3) && !cpus.contains(4));
/// assert_eq!(cpus.iter().collect::<Vec<_>>(), [0, 3, 2000]);
/// assert_eq!(cpus - CpuSet::from_iter([3]), CpuSet::from_iter([0, 2000]));
/// ```
#[derive(Clone, Default)]
pub struct CpuSet {
    /// Bit n of word m is processor 64 m + n.
    words: Vec<u64>,
}

/// There is no machine with that many, and no kernel that takes more.
const MOST_CPUS: usize = 1 << 20;

impl CpuSet {
    /// None.
    #[must_use]
    pub const fn empty() -> Self {
        CpuSet { words: Vec::new() }
    }

    /// Adds one.
    ///
    /// # Panics
    ///
    /// If the number is a million (2^20) or more.
    pub fn insert(&mut self, cpu: usize) {
        assert!(cpu < MOST_CPUS, "no machine has a processor {cpu}");
        if self.words.len() <= cpu / 64 {
            self.words.resize(cpu / 64 + 1, 0);
        }
        self.words[cpu / 64] |= 1 << (cpu % 64);
    }

    /// Takes one away.
    pub fn remove(&mut self, cpu: usize) {
        if let Some(word) = self.words.get_mut(cpu / 64) {
            *word &= !(1 << (cpu % 64));
        }
    }

    /// Whether it is among them.
    #[must_use]
    pub fn contains(&self, cpu: usize) -> bool {
        self.words.get(cpu / 64).is_some_and(|word| word & (1 << (cpu % 64)) != 0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Their numbers, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.words.len() * 64).filter(|cpu| self.contains(*cpu))
    }

    fn combined(mut self, other: Self, bits: fn(u64, u64) -> u64) -> Self {
        self.words.resize(self.words.len().max(other.words.len()), 0);
        let others = other.words.into_iter().chain(iter::repeat(0));
        self.words.iter_mut().zip(others).for_each(|(word, other)| *word = bits(*word, other));
        self
    }
}

set_operators! { CpuSet }

/// # Panics
///
/// As [`insert`](CpuSet::insert).
impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        let mut set = CpuSet::empty();
        set.extend(cpus);
        set
    }
}

/// # Panics
///
/// As [`insert`](CpuSet::insert).
impl Extend<usize> for CpuSet {
    fn extend<I: IntoIterator<Item = usize>>(&mut self, cpus: I) {
        cpus.into_iter().for_each(|cpu| self.insert(cpu));
    }
}

/// Their numbers, in ascending order.
impl IntoIterator for &CpuSet {
    type Item = usize;
    type IntoIter = vec::IntoIter<usize>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter().collect::<Vec<_>>().into_iter()
    }
}

/// Their numbers, in ascending order.
impl IntoIterator for CpuSet {
    type Item = usize;
    type IntoIter = vec::IntoIter<usize>;

    fn into_iter(self) -> Self::IntoIter {
        (&self).into_iter()
    }
}

impl PartialEq for CpuSet {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for CpuSet {}

impl Hash for CpuSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|cpu| cpu.hash(state));
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CpuSet ")?;
        f.debug_set().entries(self.iter()).finish()
    }
}

/// By which rules a task gets a processor: `sched(7)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// The usual one, with a nice value from -20, the most urgent, to 19.
    Other {
        /// The nice value.
        nice: i32,
    },
    /// As the usual one, for who does not wait for anybody.
    Batch {
        /// The nice value.
        nice: i32,
    },
    /// Only when nobody else wants to.
    Idle,
    /// Real time: until it sleeps, or somebody with a higher priority comes.
    Fifo {
        /// From 1 to 99, the highest.
        priority: u32,
    },
    /// Real time: in turns with those that have the same priority.
    RoundRobin {
        /// From 1 to 99, the highest.
        priority: u32,
    },
    /// Real time: for so long, within so long, every so often.
    Deadline {
        /// How long it runs.
        runtime: Duration,
        /// Until when it has to have run, from the beginning of the period.
        deadline: Duration,
        /// How often; zero is the same as `deadline`.
        period: Duration,
    },
    /// What a BPF program says (`SCHED_EXT`, Linux 6.12 and later), with a nice value.
    Ext {
        /// The nice value.
        nice: i32,
    },
}

/// A policy, and whether children have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SchedAttr {
    /// The policy.
    pub policy: Policy,
    /// Whether children start with the usual policy instead (`SCHED_FLAG_RESET_ON_FORK`).
    pub reset_on_fork: bool,
}

impl From<Policy> for SchedAttr {
    fn from(policy: Policy) -> Self {
        SchedAttr { policy, reset_on_fork: false }
    }
}

/// Calls on when, and on which processors, a task runs.
///
/// On a driven task they are about that task alone, and the program it becomes keeps what was set. On
/// the calling thread they are about that thread alone. Children spawned afterwards start with what has
/// been set. Those whose names end in `_of` are about the first thread of another process, a running program
/// for example, which has to be [held](AsProcess): a number alone could be a stranger's by then.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait SchedulingTask: far::Task {
    /// `sched_setaffinity(0, cpus)`—sets the processors on which the task may run.
    ///
    /// Those that there are not, or that its cgroup does not have, do not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::CpuSet;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let first = child.sched_getaffinity()?.iter().next().expect("it runs somewhere");
    /// child.sched_setaffinity(&CpuSet::from_iter([first]))?;
    /// assert_eq!(child.sched_getaffinity()?, CpuSet::from_iter([first]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `sched_setaffinity`: `EINVAL` if no processor is left.
    ///
    /// # References
    ///
    /// [`sched_setaffinity(2)`](https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html)
    #[doc(alias = "taskset")]
    fn sched_setaffinity(&self, cpus: &CpuSet) -> Result<(), Error> {
        setaffinity(self, 0, cpus)
    }

    /// `sched_getaffinity(0)`—the processors on which the task may run.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`sched_getaffinity(2)`](https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html)
    #[doc(alias = "taskset")]
    fn sched_getaffinity(&self) -> Result<CpuSet, Error> {
        getaffinity(self, 0)
    }

    /// `sched_setattr(0, attributes)`—sets policy and priority.
    ///
    /// For `sched_setscheduler` and `sched_setparam`, too: a [`Policy`] converts into its argument.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::Policy;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.sched_setattr(Policy::Idle)?;
    /// assert_eq!(child.sched_getattr()?.policy, Policy::Idle);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `sched_setattr`: `EINVAL` for a priority or a time out of range, `EPERM` for more than allowed
    /// without `CAP_SYS_NICE`, `EBUSY` if there is not enough time for another deadline.
    ///
    /// # References
    ///
    /// [`sched_setattr(2)`](https://man7.org/linux/man-pages/man2/sched_setattr.2.html)
    #[doc(alias = "sched_setscheduler")]
    #[doc(alias = "sched_setparam")]
    #[doc(alias = "chrt")]
    fn sched_setattr(&self, attributes: impl Into<SchedAttr>) -> Result<(), Error> {
        setattr(self, 0, attributes.into())
    }

    /// `sched_getattr(0)`—policy and priority.
    ///
    /// # Errors
    ///
    /// `ENOTSUP`, of this library, for a policy that it does not know.
    ///
    /// # References
    ///
    /// [`sched_getattr(2)`](https://man7.org/linux/man-pages/man2/sched_setattr.2.html)
    #[doc(alias = "sched_getscheduler")]
    #[doc(alias = "sched_getparam")]
    fn sched_getattr(&self) -> Result<SchedAttr, Error> {
        getattr(self, 0)
    }

    /// `sched_setaffinity(pid, cpus)`—sets the processors on which another process may run.
    ///
    /// Of a program with several threads it is the first one, and those that it starts from then on. Checked:
    /// `process` has a number in this task's pid namespace, and [is still there](AsProcess) before and after.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::CpuSet;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let sleep = Program::new("sleep").arg("1000");
    /// let process = here.spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    /// let first = here.sched_getaffinity_of(&process)?.iter().next().expect("it runs somewhere");
    /// here.sched_setaffinity_of(&process, &CpuSet::from_iter([first]))?;
    /// assert_eq!(here.sched_getaffinity_of(&process)?, CpuSet::from_iter([first]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `sched_setaffinity`: `ESRCH` if the process has ended, `EPERM` if it is another user's, without
    /// `CAP_SYS_NICE`, and as [`sched_setaffinity`](Self::sched_setaffinity).
    ///
    /// # References
    ///
    /// [`sched_setaffinity(2)`](https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html)
    #[doc(alias = "taskset")]
    fn sched_setaffinity_of(
        &self,
        process: &(impl AsProcess<Self::PidNamespace> + ?Sized),
        cpus: &CpuSet,
    ) -> Result<(), Error> {
        with_number_of(process, Call::SCHED_SETAFFINITY, |pid| setaffinity(self, pid, cpus))
    }

    /// `sched_getaffinity(pid)`—the processors on which the first thread of another process may run.
    ///
    /// Checked: as [`sched_setaffinity_of`](Self::sched_setaffinity_of).
    ///
    /// # Errors
    ///
    /// Of `sched_getaffinity`: `ESRCH` if the process has ended.
    ///
    /// # References
    ///
    /// [`sched_getaffinity(2)`](https://man7.org/linux/man-pages/man2/sched_setaffinity.2.html)
    #[doc(alias = "taskset")]
    fn sched_getaffinity_of(
        &self,
        process: &(impl AsProcess<Self::PidNamespace> + ?Sized),
    ) -> Result<CpuSet, Error> {
        with_number_of(process, Call::SCHED_GETAFFINITY, |pid| getaffinity(self, pid))
    }

    /// `sched_setattr(pid, attributes)`—sets policy and priority of the first thread of another process.
    ///
    /// Checked: as [`sched_setaffinity_of`](Self::sched_setaffinity_of).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::Policy;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut command = nearfar::Command::new("sleep");
    /// let program = command.arg("1000").kill_on_drop(true).spawn()?;
    /// let here = Task::here();
    /// here.sched_setattr_of(&program, Policy::Batch { nice: 10 })?;
    /// assert_eq!(here.sched_getattr_of(&program)?.policy, Policy::Batch { nice: 10 });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `sched_setattr`: `ESRCH` if the process has ended, `EPERM` if it is another user's, without
    /// `CAP_SYS_NICE`, and as [`sched_setattr`](Self::sched_setattr).
    ///
    /// # References
    ///
    /// [`sched_setattr(2)`](https://man7.org/linux/man-pages/man2/sched_setattr.2.html)
    #[doc(alias = "sched_setscheduler")]
    #[doc(alias = "chrt")]
    #[doc(alias = "renice")]
    fn sched_setattr_of(
        &self,
        process: &(impl AsProcess<Self::PidNamespace> + ?Sized),
        attributes: impl Into<SchedAttr>,
    ) -> Result<(), Error> {
        with_number_of(process, Call::SCHED_SETATTR, |pid| setattr(self, pid, attributes.into()))
    }

    /// `sched_getattr(pid)`—policy and priority of the first thread of another process.
    ///
    /// Checked: as [`sched_setaffinity_of`](Self::sched_setaffinity_of).
    ///
    /// # Errors
    ///
    /// Of `sched_getattr`: `ESRCH` if the process has ended, and as [`sched_getattr`](Self::sched_getattr).
    ///
    /// # References
    ///
    /// [`sched_getattr(2)`](https://man7.org/linux/man-pages/man2/sched_setattr.2.html)
    #[doc(alias = "sched_getscheduler")]
    fn sched_getattr_of(
        &self,
        process: &(impl AsProcess<Self::PidNamespace> + ?Sized),
    ) -> Result<SchedAttr, Error> {
        with_number_of(process, Call::SCHED_GETATTR, |pid| getattr(self, pid))
    }
}

impl<K: far::Task + ?Sized> SchedulingTask for K {}

/// Those of the process `pid`, room (2); so also below.
fn setaffinity<K: far::Task + ?Sized>(task: &K, pid: usize, cpus: &CpuSet) -> Result<(), Error> {
    let mask: Vec<u8> = cpus.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    task.interface().lend(&mask, |address| {
        // SAFETY: (1), (2)
        unsafe { call(task, Call::SCHED_SETAFFINITY, [pid, mask.len(), address]) }.map(drop)
    })
}

fn getaffinity<K: far::Task + ?Sized>(task: &K, pid: usize) -> Result<CpuSet, Error> {
    /// In bytes: what most kernels have room for, and what the largest do.
    const SIZES: [usize; 2] = [1024, MOST_CPUS / 8];
    let read = |address, size| {
        // SAFETY: (1), (2)
        unsafe { call(task, Call::SCHED_GETAFFINITY, [pid, size, address]) }
    };
    let mask = with_bytes_of_sizes(task, Call::SCHED_GETAFFINITY, &SIZES, Errno::INVAL, read)?;
    let word = |word: &[u8]| u64::from_ne_bytes(word.try_into().expect("8 bytes"));
    Ok(CpuSet { words: mask.chunks_exact(8).map(word).collect() })
}

fn setattr<K: far::Task + ?Sized>(
    task: &K,
    pid: usize,
    attributes: SchedAttr,
) -> Result<(), Error> {
    with_in_out(task, KernelAttr::from(attributes), |address| {
        // SAFETY: (1), (2)
        unsafe { call(task, Call::SCHED_SETATTR, [pid, address, 0]) }
    })
    .map(drop)
}

fn getattr<K: far::Task + ?Sized>(task: &K, pid: usize) -> Result<SchedAttr, Error> {
    let attributes: KernelAttr = with_out(task, |address| {
        let arguments = [pid, address, size_of::<KernelAttr>(), 0];
        // SAFETY: (1), (2)
        unsafe { call(task, Call::SCHED_GETATTR, arguments) }
    })?;
    attributes.known().ok_or(Error::os(Call::SCHED_GETATTR, Errno::NOTSUP))
}

/// `struct sched_attr` of `sched/types.h`, in its first version.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct KernelAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

const _: () = assert!(size_of::<KernelAttr>() == 48);

// SAFETY: integers.
unsafe impl Plain for KernelAttr {}

const RESET_ON_FORK: u64 = 1;
const DEADLINE: u32 = 6;
const EXT: u32 = 7;

impl KernelAttr {
    fn known(&self) -> Option<SchedAttr> {
        let KernelAttr { flags, nice, priority, runtime, deadline, period, .. } = *self;
        let policy = match self.policy {
            EXT => Policy::Ext { nice },
            DEADLINE => Policy::Deadline {
                runtime: Duration::from_nanos(runtime),
                deadline: Duration::from_nanos(deadline),
                period: Duration::from_nanos(period),
            },
            policy => match policy as i32 {
                libc::SCHED_OTHER => Policy::Other { nice },
                libc::SCHED_BATCH => Policy::Batch { nice },
                libc::SCHED_IDLE => Policy::Idle,
                libc::SCHED_FIFO => Policy::Fifo { priority },
                libc::SCHED_RR => Policy::RoundRobin { priority },
                _ => return None,
            },
        };
        Some(SchedAttr { policy, reset_on_fork: flags & RESET_ON_FORK != 0 })
    }
}

impl From<SchedAttr> for KernelAttr {
    fn from(SchedAttr { policy, reset_on_fork }: SchedAttr) -> Self {
        let flags = if reset_on_fork { RESET_ON_FORK } else { 0 };
        let size = size_of::<KernelAttr>() as u32;
        let empty = KernelAttr { size, flags, ..KernelAttr::default() };
        // What is too long for the kernel's number is too long for the kernel.
        let nanoseconds = |time: Duration| time.as_nanos().try_into().unwrap_or(u64::MAX);
        match policy {
            Policy::Other { nice } => {
                KernelAttr { policy: libc::SCHED_OTHER as u32, nice, ..empty }
            }
            Policy::Batch { nice } => {
                KernelAttr { policy: libc::SCHED_BATCH as u32, nice, ..empty }
            }
            Policy::Idle => KernelAttr { policy: libc::SCHED_IDLE as u32, ..empty },
            Policy::Fifo { priority } => {
                KernelAttr { policy: libc::SCHED_FIFO as u32, priority, ..empty }
            }
            Policy::RoundRobin { priority } => {
                KernelAttr { policy: libc::SCHED_RR as u32, priority, ..empty }
            }
            Policy::Deadline { runtime, deadline, period } => KernelAttr {
                policy: DEADLINE,
                runtime: nanoseconds(runtime),
                deadline: nanoseconds(deadline),
                period: nanoseconds(period),
                ..empty
            },
            Policy::Ext { nice } => KernelAttr { policy: EXT, nice, ..empty },
        }
    }
}
