//! Signal masks, dispositions, and signals with a value.
//!
//! # Safety
//!
//! 1. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps
//!    none of them after the call.
//! 2. A driven child keeps every signal blocked, `SIGPIPE` ignored, and `SIGCHLD` where its children are
//!    left to the kernel: what is set of these is recorded for its program. It has no handlers, and gets
//!    none.
//! 3. A pidfd in a call is of the task's own table and stays open for the call.
//! 4. A signal is none of those that libc keeps to itself: [`Signal`] has no safe way to make them.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;

use rustix::process::Signal;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error, KernelSigaction, SIGSET_SIZE, SyscallInterface};
use crate::near::AsPid;
use crate::signals::SignalSet;

use super::DrivenTask;
use super::arguments::{Plain, call, near, pid_of, with_in_out, with_out};
use super::driven::transition::Token;

/// What happens when a signal arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigAction {
    /// What `signal(7)` says for it (`SIG_DFL`).
    Default,
    /// Nothing (`SIG_IGN`).
    Ignore,
}

/// How [`sigprocmask`](SignalTask::sigprocmask) changes what is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigmaskChange {
    /// These are blocked, too (`SIG_BLOCK`).
    Block,
    /// These are not blocked any more (`SIG_UNBLOCK`).
    Unblock,
    /// These are blocked, and no others (`SIG_SETMASK`).
    Set,
}

/// Calls on which signals are blocked, which are ignored, and which have come.
///
/// On a driven task they are about **the program that it becomes**. While it is driven, all signals are
/// blocked in it, so that none interrupts or ends it between two calls: what has come is
/// [pending](Self::sigpending) and takes effect with the exec. What is set as blocked is what the program
/// starts with, and likewise whether `SIGPIPE` is ignored. At first, nothing is blocked. A child that the
/// task spawns starts with what has been set; one that the calling thread spawns does not start with
/// that thread's mask.
///
/// On the calling thread, the mask is that thread's alone, and dispositions are the whole process's.
///
/// On a driven task every call that asks the kernel can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait SignalTask: far::Task {
    /// `sigprocmask(how, set, old)`—changes which signals are blocked, and returns which were.
    ///
    /// `SIGKILL` and `SIGSTOP` cannot be blocked, and the signals that libc keeps to itself are not:
    /// they are silently left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::SignalSet;
    /// use nearfar::prelude::*;
    /// use nearfar::task::SigmaskChange;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.sigprocmask(SigmaskChange::Block, SignalSet::from_iter([Signal::TERM]))?;
    /// let process = child.program(&Program::new("true")).exec()?;
    /// process.send_signal(Signal::TERM)?;
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None of the kernel's.
    ///
    /// # References
    ///
    /// [`sigprocmask(2)`](https://man7.org/linux/man-pages/man2/sigprocmask.2.html)
    #[doc(alias = "pthread_sigmask")]
    fn sigprocmask(&self, how: SigmaskChange, set: SignalSet) -> Result<SignalSet, Error> {
        let set = set.bits() & !not_to_be_blocked();
        if let Some(signals) = self.interface().program_signals() {
            let before = signals.blocked();
            signals.set_blocked(match how {
                SigmaskChange::Block => before | set,
                SigmaskChange::Unblock => before & !set,
                SigmaskChange::Set => set,
            });
            return Ok(SignalSet::from_bits(before));
        }
        let how = match how {
            SigmaskChange::Block => libc::SIG_BLOCK,
            SigmaskChange::Unblock => libc::SIG_UNBLOCK,
            SigmaskChange::Set => libc::SIG_SETMASK,
        };
        // The kernel writes what was blocked after it has read what is to be.
        let before = with_in_out(self, set, |set| {
            // SAFETY: (1), (2): a driven child has not come here.
            unsafe { call(self, Call::RT_SIGPROCMASK, [how as usize, set, set, SIGSET_SIZE]) }
        })?;
        Ok(SignalSet::from_bits(before))
    }

    /// `sigprocmask(SIG_BLOCK, NULL, old)`—which signals are blocked.
    ///
    /// # Errors
    ///
    /// None of the kernel's.
    ///
    /// # References
    ///
    /// [`sigprocmask(2)`](https://man7.org/linux/man-pages/man2/sigprocmask.2.html)
    fn sigmask(&self) -> Result<SignalSet, Error> {
        self.sigprocmask(SigmaskChange::Block, SignalSet::empty())
    }

    /// `sigpending()`—which signals have come and are waiting, as they are blocked.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// here.kill(child.pid(), Signal::TERM)?;
    /// assert!(child.sigpending()?.contains(Signal::TERM));
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
    /// [`sigpending(2)`](https://man7.org/linux/man-pages/man2/sigpending.2.html)
    fn sigpending(&self) -> Result<SignalSet, Error> {
        let pending = with_out(self, |set| {
            // SAFETY: (1)
            unsafe { call(self, Call::RT_SIGPENDING, [set, SIGSET_SIZE]) }
        })?;
        Ok(SignalSet::from_bits(pending))
    }

    /// `sigaction(signal, NULL, old)`—what happens when a signal arrives; `None` if a handler of this
    /// program runs.
    ///
    /// Setting it is for driven tasks, see [`set_sigaction`](Self::set_sigaction): on the calling thread
    /// it would replace a handler of the whole program, which its owner relies on.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`sigaction(2)`](https://man7.org/linux/man-pages/man2/sigaction.2.html)
    #[doc(alias = "signal")]
    fn sigaction(&self, signal: Signal) -> Result<Option<SigAction>, Error> {
        let recorded = self.interface().program_signals().and_then(|signals| match signal {
            Signal::PIPE => Some(signals.ignores_sigpipe()),
            Signal::CHILD if signals.sigchld_is_taken() => Some(signals.ignores_sigchld()),
            _ => None,
        });
        if let Some(ignored) = recorded {
            return Ok(Some(if ignored { SigAction::Ignore } else { SigAction::Default }));
        }
        let action: KernelSigaction = with_out(self, |action| {
            let arguments = [signal.as_raw() as usize, 0, action, SIGSET_SIZE];
            // SAFETY: (1); changes nothing.
            unsafe { call(self, Call::RT_SIGACTION, arguments) }
        })?;
        Ok(match action.handler() {
            libc::SIG_DFL => Some(SigAction::Default),
            libc::SIG_IGN => Some(SigAction::Ignore),
            _handler => None,
        })
    }

    /// `sigaction(signal, action, NULL)`—sets what happens when a signal arrives at the program that the task
    /// becomes: it keeps what is ignored, and what has been handled here has its default there anyway.
    ///
    /// A signal that is pending is forgotten when it is ignored. Driven tasks only: see
    /// [`sigaction`](Self::sigaction).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::SigAction;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// // As nohup(1) does.
    /// child.set_sigaction(Signal::HUP, SigAction::Ignore)?;
    /// let shell = Program::new("sh").args(["-c", "kill -HUP $$; exit 3"]);
    /// assert_eq!(child.program(&shell).exec()?.wait()?.code(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `sigaction`: `EINVAL` for `SIGKILL` and `SIGSTOP`. That the task is dead.
    ///
    /// # References
    ///
    /// [`sigaction(2)`](https://man7.org/linux/man-pages/man2/sigaction.2.html)
    #[doc(alias = "signal")]
    fn set_sigaction(&self, signal: Signal, action: SigAction) -> Result<(), Error>
    where
        Self: DrivenTask,
    {
        let (signals, ignored) =
            (self.driver(Token(())).for_program(), action == SigAction::Ignore);
        match signal {
            Signal::PIPE => {
                signals.set_ignores_sigpipe(ignored);
                return Ok(());
            }
            Signal::CHILD => {
                signals.set_ignores_sigchld(ignored);
                if signals.sigchld_is_taken() {
                    return Ok(());
                }
            }
            _ => {}
        }
        let action = match action {
            SigAction::Default => KernelSigaction::DEFAULT,
            SigAction::Ignore => KernelSigaction::IGNORE,
        };
        with_in_out(self, action, |action| {
            let arguments = [signal.as_raw() as usize, action, 0, SIGSET_SIZE];
            // SAFETY: (1), (2): no handler.
            unsafe { call(self, Call::RT_SIGACTION, arguments) }
        })
        .map(drop)
    }

    /// `rt_sigqueueinfo(pid, signal, value)`—signals a process, with a number for its handler, or for who
    /// reads the signal in another way.
    ///
    /// It is the `si_value.sival_int` of the `siginfo_t` there, whose `si_code` is `SI_QUEUE`; `si_pid`
    /// and `si_uid` are the task's.
    ///
    /// Checked: `pid` is of this task's pid namespace. It may be a stranger's by now, see
    /// [`ProcessTask`](super::ProcessTask#numbers-of-processes);
    /// [`pidfd_send_signal_value`](Self::pidfd_send_signal_value) is safe from that.
    ///
    /// # Errors
    ///
    /// Of `rt_sigqueueinfo`: `ESRCH`, `EPERM`, `EAGAIN` at the limit on pending signals.
    ///
    /// # References
    ///
    /// [`rt_sigqueueinfo(2)`](https://man7.org/linux/man-pages/man2/rt_sigqueueinfo.2.html),
    /// [`sigqueue(3)`](https://man7.org/linux/man-pages/man3/sigqueue.3.html)
    #[doc(alias = "sigqueue")]
    fn rt_sigqueueinfo(
        &self,
        pid: impl AsPid<Self::PidNamespace>,
        signal: Signal,
        value: i32,
    ) -> Result<(), Error> {
        let pid = pid_of(self, Call::RT_SIGQUEUEINFO, &pid)?;
        with_in_out(self, queued(self, signal, value)?, |info| {
            let arguments = [pid, signal.as_raw() as usize, info];
            // SAFETY: (1), (4)
            unsafe { call(self, Call::RT_SIGQUEUEINFO, arguments) }
        })
        .map(drop)
    }

    /// `pidfd_send_signal(pidfd, signal, value)`—signals the process that the pidfd refers to, with a
    /// number for its handler. As [`rt_sigqueueinfo`](Self::rt_sigqueueinfo).
    ///
    /// Checked: `pidfd` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `pidfd_send_signal`: `ESRCH` if the process is gone, `EPERM`, `EAGAIN`, `EBADF` if it is not a
    /// pidfd.
    ///
    /// # References
    ///
    /// [`pidfd_send_signal(2)`](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html)
    #[doc(alias = "sigqueue")]
    fn pidfd_send_signal_value(
        &self,
        pidfd: impl AsFd<Self::FdTable>,
        signal: Signal,
        value: i32,
    ) -> Result<(), Error> {
        let pidfd = near(self, Call::PIDFD_SEND_SIGNAL, &pidfd)?;
        with_in_out(self, queued(self, signal, value)?, |info| {
            let arguments = [pidfd, signal.as_raw() as usize, info, 0];
            // SAFETY: (1), (3), (4)
            unsafe { call(self, Call::PIDFD_SEND_SIGNAL, arguments) }
        })
        .map(drop)
    }
}

impl<K: far::Task + ?Sized> SignalTask for K {}

// SAFETY: a C struct of integers.
unsafe impl Plain for KernelSigaction {}

/// Those that the kernel never blocks, and those that libc uses for itself: a thread in which they are
/// blocked would keep others waiting for ever.
fn not_to_be_blocked() -> u64 {
    let libcs_own = (32..libc::SIGRTMIN()).fold(0, |set, signal| set | 1 << (signal - 1));
    libcs_own | 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1)
}

/// `siginfo_t`, as `sigqueue(3)` fills it in.
#[repr(C)]
#[derive(Clone, Copy)]
struct Queued {
    signal: c_int,
    errno: c_int,
    code: c_int,
    _padding: c_int,
    pid: c_int,
    uid: u32,
    value: [c_int; 2],
    _rest: [c_int; 24],
}

const _: () = assert!(size_of::<Queued>() == size_of::<libc::siginfo_t>());

// SAFETY: integers.
unsafe impl Plain for Queued {}

fn queued<K: far::Task + ?Sized>(task: &K, signal: Signal, value: i32) -> Result<Queued, Error> {
    // SAFETY: no arguments.
    let uid = unsafe { call(task, Call::GETUID, []) }?;
    Ok(Queued {
        signal: signal.as_raw(),
        errno: 0,
        code: libc::SI_QUEUE,
        _padding: 0,
        pid: task.pid().as_raw(),
        uid: uid as u32,
        value: [value, 0],
        _rest: [0; 24],
    })
}
