//! Limits, priority, and what has been used.
//!
//! # Safety
//!
//! 1. Every address in a call is lent, for as many bytes as the kernel reads and writes there; it keeps
//!    none of them after the call.
//! 2. The pid in a call is 0, the caller itself, or that of a process that there is a handle of.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;

use rustix::process::{Resource, Rlimit};

use crate::far;
use crate::handle::{AsProcess, Usage, with_number_of};
use crate::interface::{Call, Error};

use super::arguments::{Plain, call, with_in_out, with_out};

/// Whose use of resources: `getrusage(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UsageOf {
    /// The task's process, with all threads it has had: of the calling thread, this whole program.
    Process,
    /// The process's children that have ended and been waited for, and theirs in turn.
    Children,
    /// The thread that makes the task's calls. A driven task has no other.
    Thread,
}

/// Calls on what a task may use, and how urgent it is.
///
/// On a driven task they are about that task alone, and the program it becomes keeps what was set. On
/// the calling thread, limits are those of the whole process, and the nice value that of the thread.
/// Children spawned afterwards start with what has been set.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait ResourceTask: far::Task {
    /// `prlimit(0, resource, NULL, old)`—a limit of the task; `None` in it is no limit.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getrlimit(2)`](https://man7.org/linux/man-pages/man2/getrlimit.2.html)
    #[doc(alias = "ulimit")]
    fn getrlimit(&self, resource: Resource) -> Result<Rlimit, Error> {
        prlimit(self, 0, resource, None)
    }

    /// `prlimit(0, resource, limit, old)`—sets a limit of the task; `None` in it is no limit.
    ///
    /// A lower limit takes nothing away: fds above the new [`Resource::Nofile`] stay open. What a driven
    /// task is sent when it goes beyond a limit on processor time or file size stays pending, as all
    /// its signals are blocked, and takes effect when it becomes a program; beyond the maximum of
    /// [`Resource::Cpu`] it is killed at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    /// let shell = Program::new("sh").args(["-c", "test $(ulimit -c) = 0"]);
    /// assert!(child.program(&shell).exec()?.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `prlimit`: `EINVAL` if `current` is above `maximum`, `EPERM` for a higher maximum without
    /// `CAP_SYS_RESOURCE`.
    ///
    /// # References
    ///
    /// [`setrlimit(2)`](https://man7.org/linux/man-pages/man2/getrlimit.2.html)
    #[doc(alias = "ulimit")]
    fn setrlimit(&self, resource: Resource, limit: Rlimit) -> Result<(), Error> {
        prlimit(self, 0, resource, Some(limit)).map(drop)
    }

    /// `prlimit(0, resource, limit, old)`—sets a limit of the task, and returns what it was before.
    ///
    /// As [`setrlimit`](Self::setrlimit). Those of another process: [`prlimit_of`](Self::prlimit_of).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let few = Rlimit { current: Some(16), ..child.getrlimit(Resource::Nofile)? };
    /// let before = child.prlimit(Resource::Nofile, few)?;
    /// assert_eq!(child.prlimit(Resource::Nofile, before)?, few);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`setrlimit`](Self::setrlimit).
    ///
    /// # References
    ///
    /// [`prlimit(2)`](https://man7.org/linux/man-pages/man2/getrlimit.2.html)
    fn prlimit(&self, resource: Resource, limit: Rlimit) -> Result<Rlimit, Error> {
        prlimit(self, 0, resource, Some(limit))
    }

    /// `prlimit(pid, resource, limit, old)`—sets a limit of another process, a running program for example,
    /// and returns what it was before; with `None` for `limit`, it is only read.
    ///
    /// Checked: `process` has a number in this task's pid namespace, and [is still there](AsProcess) before
    /// and after. A lower limit takes nothing away from a program that has more already.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let sleep = Program::new("sleep").arg("1000");
    /// let process = here.spawn()?.program(&sleep).exec()?.kill_on_drop(true);
    /// let before = here.prlimit_of(&process, Resource::Nofile, None)?;
    /// let few = Rlimit { current: Some(16), ..before };
    /// assert_eq!(here.prlimit_of(&process, Resource::Nofile, Some(few))?, before);
    /// assert_eq!(here.prlimit_of(&process, Resource::Nofile, None)?, few);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `prlimit`: `ESRCH` if the process has ended, `EPERM` if it has other ids than this task, or is in
    /// another user namespace, without `CAP_SYS_RESOURCE` there, and as [`setrlimit`](Self::setrlimit).
    ///
    /// # References
    ///
    /// [`prlimit(2)`](https://man7.org/linux/man-pages/man2/getrlimit.2.html)
    #[doc(alias = "prlimit")]
    fn prlimit_of(
        &self,
        process: &(impl AsProcess<Self::PidNamespace> + ?Sized),
        resource: Resource,
        limit: Option<Rlimit>,
    ) -> Result<Rlimit, Error> {
        with_number_of(process, Call::PRLIMIT, |pid| prlimit(self, pid, resource, limit))
    }

    /// `getrusage(of)`—what has been used so far.
    ///
    /// The resident size of a driven task is that of this program, if it shares its memory. A driven task
    /// has no children, unless it is the init of a pid namespace, as those that it spawns are this process's.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::UsageOf;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// assert!(child.getrusage(UsageOf::Process)?.user_time().as_secs() < 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getrusage(2)`](https://man7.org/linux/man-pages/man2/getrusage.2.html)
    fn getrusage(&self, of: UsageOf) -> Result<Usage, Error> {
        let of: c_int = match of {
            UsageOf::Process => libc::RUSAGE_SELF,
            UsageOf::Children => libc::RUSAGE_CHILDREN,
            UsageOf::Thread => libc::RUSAGE_THREAD,
        };
        let usage = with_out(self, |address| {
            // SAFETY: (1)
            unsafe { call(self, Call::GETRUSAGE, [of as usize, address]) }
        })?;
        Ok(Usage::new(usage))
    }

    /// `getpriority(PRIO_PROCESS, 0)`—the nice value: from -20, the most urgent, to 19.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`getpriority(2)`](https://man7.org/linux/man-pages/man2/getpriority.2.html)
    #[doc(alias = "nice")]
    fn getpriority(&self) -> Result<i32, Error> {
        // SAFETY: (2); no pointer.
        let answer = unsafe { call(self, Call::GETPRIORITY, [libc::PRIO_PROCESS as usize, 0]) }?;
        // The kernel says 40 to 1, as negative answers are errors.
        Ok(20 - answer as i32)
    }

    /// `setpriority(PRIO_PROCESS, 0, nice)`—sets the nice value: from -20, the most urgent, to 19; what
    /// is beyond is taken for the nearest of the two.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.setpriority(19)?;
    /// assert_eq!(child.getpriority()?, 19);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `setpriority`: `EACCES` for a value that is lower than allowed, without `CAP_SYS_NICE`.
    ///
    /// # References
    ///
    /// [`setpriority(2)`](https://man7.org/linux/man-pages/man2/getpriority.2.html)
    #[doc(alias = "nice")]
    #[doc(alias = "renice")]
    fn setpriority(&self, nice: i32) -> Result<(), Error> {
        let arguments = [libc::PRIO_PROCESS as usize, 0, nice as usize];
        // SAFETY: (2); no pointer.
        unsafe { call(self, Call::SETPRIORITY, arguments) }.map(drop)
    }
}

impl<K: far::Task + ?Sized> ResourceTask for K {}

// SAFETY: a C struct of integers.
unsafe impl Plain for libc::rlimit64 {}
// SAFETY: a C struct of integers.
unsafe impl Plain for libc::rusage {}

/// Sets a limit of the process `pid`, room (2), if there is one to set, and returns the old one.
fn prlimit<K: far::Task + ?Sized>(
    task: &K,
    pid: usize,
    resource: Resource,
    limit: Option<Rlimit>,
) -> Result<Rlimit, Error> {
    // The second is for the old one.
    let limits = [limit.map_or(libc::rlimit64 { rlim_cur: 0, rlim_max: 0 }, to_kernel); 2];
    let [_, old] = with_in_out(task, limits, |first| {
        let second = first + size_of::<libc::rlimit64>();
        let new = if limit.is_some() { first } else { 0 };
        // SAFETY: (1), (2)
        unsafe { call(task, Call::PRLIMIT, [pid, resource as usize, new, second]) }
    })?;
    Ok(from_kernel(old))
}

fn to_kernel(limit: Rlimit) -> libc::rlimit64 {
    libc::rlimit64 {
        rlim_cur: limit.current.unwrap_or(libc::RLIM64_INFINITY),
        rlim_max: limit.maximum.unwrap_or(libc::RLIM64_INFINITY),
    }
}

fn from_kernel(limit: libc::rlimit64) -> Rlimit {
    let finite = |limit| (limit != libc::RLIM64_INFINITY).then_some(limit);
    Rlimit { current: finite(limit.rlim_cur), maximum: finite(limit.rlim_max) }
}
