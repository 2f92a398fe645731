//! Asking the kernel whether a task is where it is believed to be.
//!
//! # Safety
//!
//! 1. `kcmp` takes numbers only, and changes nothing.
#![expect(unsafe_code, reason = "a syscall")]

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use crate::far::{self, PidNamespace};
use crate::interface::{
    Call, DeferredCalls, Error, ErrorKind, Local, OpenNamespace, Process, SyscallInterface, Whom,
    own_pid,
};

/// Comparing what is believed of a task with what the kernel says.
pub trait VerifyTask: far::Task {
    /// `kcmp(pid1, pid2, type)`—whether the task lives in the fd table, the address space and the pid
    /// namespaces that this library believes it to live in.
    ///
    /// No safe code of this library can make that untrue. What can is code that unshares or joins something without
    /// saying so, in a task or on a thread of this program (`unsafe` code, or other crates' safe functions for that, such as
    /// `rustix::thread::move_into_thread_name_spaces`), another process that does so to the task (`ptrace`), and an error
    /// in this library. So this is for health checks and for tests.
    ///
    /// The kernel is asked by this process, and nothing is sent to the task. Compared are:
    ///
    /// - its fd table and its memory with those of this process, and of every other driven task that is
    ///   believed to share them: if one has left without saying so, it and those it has left are
    ///   refuted;
    /// - its pid namespace, and that of its children, with this process's or the one of the namespace's
    ///   init;
    /// - its pid with the last of `NSpid` in `/proc/PID/status`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::{Truth, Verdict};
    ///
    /// /// Those of the workers that are not what they seem.
    /// fn suspects<K: VerifyTask>(workers: &[K]) -> Vec<(&K, Truth)> {
    ///     let verified = workers.iter().filter_map(|worker| Some((worker, worker.verify().ok()?)));
    ///     verified.filter(|(_, truth)| truth.is_refuted()).collect()
    /// }
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let workers = [here.spawn()?, here.spawn()?];
    /// assert!(suspects(&workers).is_empty());
    ///
    /// brand!(private_fds);
    /// let (child, ()) = here.spawn_with_files(private_fds, ())?;
    /// let truth = child.verify()?;
    /// # if truth.fd_table != Verdict::CannotTell(Errno::NOSYS) {
    /// assert_eq!(truth.fd_table, Verdict::Confirmed);
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotSent`](ErrorKind::NotSent) if the task is dead: it lives nowhere. What the kernel does not tell
    /// is no error, but a [`Verdict::CannotTell`].
    ///
    /// # References
    ///
    /// [`kcmp(2)`](https://man7.org/linux/man-pages/man2/kcmp.2.html),
    /// [`namespaces(7)`](https://man7.org/linux/man-pages/man7/namespaces.7.html),
    /// [`proc_pid_status(5)`](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)
    fn verify(&self) -> Result<Truth, Error> {
        let subject = self.interface().subject();
        let whom = subject.whom();
        let dead = Err(Error::new(Call::KCMP, ErrorKind::NotSent));
        if is_dead(whom) {
            return dead;
        }
        let (pids, child_pids) = (self.pid_namespace(), self.child_pid_namespace());
        let truth = Truth {
            fd_table: sharing(Resource::Files, whom, self.fd_table().closes()),
            address_space: sharing(Resource::Memory, whom, self.address_space().unmaps()),
            pid_namespace: in_namespace(whom, "pid", pids),
            child_pid_namespace: in_namespace(whom, "pid_for_children", child_pids),
            pid: Verdict::of(known_to_itself(whom).map(|pid| pid == self.pid().as_raw())),
        };
        // Who is about to end has left everything.
        if is_dead(whom) { dead } else { Ok(truth) }
    }
}

impl<K: far::Task + ?Sized> VerifyTask for K {}

/// What the kernel says to each belief about a task: [`VerifyTask::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a belief that is refuted is not reported in any other way"]
#[non_exhaustive]
pub struct Truth {
    /// That it lives in its [`fd_table`](far::Task::fd_table).
    pub fd_table: Verdict,
    /// That it lives in its [`address_space`](far::Task::address_space).
    pub address_space: Verdict,
    /// That it lives in its [`pid_namespace`](far::Task::pid_namespace).
    pub pid_namespace: Verdict,
    /// That its next children go to its [`child_pid_namespace`](far::Task::child_pid_namespace). For a
    /// namespace in which nothing has been started yet the kernel says `ENOENT`.
    pub child_pid_namespace: Verdict,
    /// That it calls itself by its [`pid`](far::Task::pid).
    pub pid: Verdict,
}

/// What the kernel says to a belief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as believed.
    Confirmed,
    /// It is not.
    Refuted,
    /// Nothing speaks against it, but something of it could not be looked at. Among the reasons are
    /// `EPERM` and `EACCES` if this process may not trace the task, `ENOSYS` if the kernel has no `kcmp`,
    /// `ENOENT`, `ESRCH` and `ENOTTY` if no procfs is at `/proc`, and `EOPNOTSUPP` if only an
    /// [interface](SyscallInterface) of your own knows the process.
    CannotTell(Errno),
}

impl Truth {
    /// Whether any of it is refuted.
    #[must_use]
    pub fn is_refuted(&self) -> bool {
        self.named().iter().any(|(_, verdict)| *verdict == Verdict::Refuted)
    }

    /// Whether all of it is confirmed.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.named().iter().all(|(_, verdict)| *verdict == Verdict::Confirmed)
    }

    fn named(&self) -> [(&'static str, Verdict); 5] {
        [
            ("fd table", self.fd_table),
            ("address space", self.address_space),
            ("pid namespace", self.pid_namespace),
            ("pid namespace of its children", self.child_pid_namespace),
            ("pid", self.pid),
        ]
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (belief, verdict)) in self.named().iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{belief}: {verdict}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Confirmed => f.write_str("confirmed"),
            Verdict::Refuted => f.write_str("refuted"),
            Verdict::CannotTell(reason) => {
                write!(f, "cannot tell ({})", io::Error::from(*reason))
            }
        }
    }
}

impl Verdict {
    /// Of a single comparison.
    fn of(agrees: Result<bool, Errno>) -> Self {
        match agrees {
            Ok(true) => Verdict::Confirmed,
            Ok(false) => Verdict::Refuted,
            Err(reason) => Verdict::CannotTell(reason),
        }
    }

    /// Of two: one that speaks against it is enough, and each has to speak for it.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Verdict::Refuted, _) | (_, Verdict::Refuted) => Verdict::Refuted,
            (Verdict::Confirmed, other) => other,
            (cannot_tell, _) => cannot_tell,
        }
    }
}

/// What `kcmp` compares.
#[derive(Clone, Copy)]
enum Resource {
    Memory = 1,
    Files = 2,
}

/// Whether two processes share something, each by the number of one of its threads.
fn share(resource: Resource, one: c_int, other: c_int) -> Result<bool, Errno> {
    let arguments = [one as usize, other as usize, resource as usize, 0, 0];
    // SAFETY: (1)
    let order = unsafe { Local::new().syscall(Call::KCMP, arguments) };
    order.map(|order| order == 0).map_err(|error| error.errno().unwrap_or(Errno::IO))
}

/// A thread of this process: the first, or the calling one if the first has ended. Then it has left
/// everything, memory too, which all threads share as long as they live.
fn a_thread_of_the_host() -> c_int {
    let (first, this) = (std::process::id() as c_int, this_thread());
    match share(Resource::Memory, first, this) {
        Ok(false) => this,
        _ => first,
    }
}

fn this_thread() -> c_int {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// Whether a task shares `resource` with whom it is believed to share it: the tasks that are listed, or if
/// there is no list, this process.
fn sharing(resource: Resource, whom: Whom<'_>, with: Option<&Arc<DeferredCalls>>) -> Verdict {
    let number = match whom {
        Whom::Unknown => return Verdict::CannotTell(Errno::OPNOTSUPP),
        Whom::ThisThread => this_thread(),
        Whom::Child(process) => process.pid().as_raw(),
    };
    let hosts = share(resource, number, a_thread_of_the_host());
    let Some(tasks) = with else { return Verdict::of(hosts) };
    let verdict = Verdict::of(hosts.map(|shared| !shared));
    tasks.processes().iter().fold(verdict, |verdict, other| {
        let shared = share(resource, number, other.pid().as_raw());
        // Who is leaving, or ending, in another thread's hands may have left already.
        let stays = || tasks.is_home_of(other) && !other.is_ending();
        if shared == Ok(true) || stays() { verdict.and(Verdict::of(shared)) } else { verdict }
    })
}

/// Whether it is in a pid namespace, or has its children there.
fn in_namespace<P>(whom: Whom<'_>, kind: &str, believed: &PidNamespace<P>) -> Verdict {
    let found = match whom {
        Whom::Unknown => Err(Errno::OPNOTSUPP),
        Whom::ThisThread => OpenNamespace::of_this_thread(kind),
        Whom::Child(process) => process.namespace(kind),
    };
    let hosts = || OpenNamespace::of("/proc/self/ns/pid");
    Verdict::of(found.and_then(|found| match believed.residents() {
        None => Ok(found == hosts()?),
        Some(residents) => match residents.live_in(&found) {
            // A namespace that was made here is not the one that it was made in.
            Ok(true) if !residents.are_unknown() => Ok(found != hosts()?),
            Err(_) if !residents.are_unknown() && found == hosts()? => Ok(false),
            told => told,
        },
    }))
}

/// What it calls itself.
fn known_to_itself(whom: Whom<'_>) -> Result<c_int, Errno> {
    match whom {
        Whom::Unknown => Err(Errno::OPNOTSUPP),
        Whom::ThisThread => own_pid("/proc/self/status"),
        Whom::Child(process) => process.own_pid(),
    }
}

/// Whether it is not there any more, or about to end, or the child of a process that this one is a copy of.
fn is_dead(whom: Whom<'_>) -> bool {
    let is_gone = |process: &Process| !process.is_ours() || process.is_ending();
    matches!(whom, Whom::Child(process) if is_gone(process))
}
