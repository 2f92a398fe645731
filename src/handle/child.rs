use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;

use super::Exit;
use crate::brand::HostPids;
use crate::interface::{Error, MOURNING, ParentOfProgram, Process, bury_process};
use crate::near::Pid;

/// A child of this process that has become a program.
///
/// It has no brand: it is a pid and a pidfd as this process sees them. Everything is done through
/// the pidfd, so never to a stranger that got the same pid. The pidfd is pollable
/// ([`AsFd`](std::os::fd::AsFd)): readable when the process has ended, which does not reap it.
///
/// A task of this process's table takes it as an fd: `here.waitid(&process, WaitIdOptions::EXITED)`
/// waits without reaping. [`ProcessMemory::open`](crate::ProcessMemory::open) takes it, to read its memory.
///
/// Waiting takes the handle, so that nothing can be done to a process that is gone.
///
/// # Dropping it
///
/// The process goes on, and a later `spawn` of this library reaps it once it has ended: a program
/// that spawns nothing more keeps it as a zombie. After [`kill_on_drop`](Self::kill_on_drop) or
/// [`kill_group_on_drop`](Self::kill_group_on_drop), of which the last one counts, dropping kills it and waits for
/// its end, 200 ms at most; what takes longer is reaped as above. In a forked copy of this program, dropping does
/// nothing.
///
/// ```
/// use nearfar::prelude::*;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let sleep = Program::new("sleep").arg("100");
/// let process = Task::here().spawn()?.program(&sleep).exec()?;
/// let Waited::Running(process) = process.wait_timeout(Duration::from_millis(1))? else {
///     panic!("sleep does not end that early");
/// };
/// process.kill()?;
/// assert_eq!(process.wait()?.signal(), Some(9));
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it loses the exit status"]
pub struct ChildProcess {
    process: Arc<Process>,
    /// What its death signals depend on: held for as long as it has not been reaped.
    parent: Option<ParentOfProgram>,
    on_drop: OnDrop,
}

/// What dropping the handle of a program does to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnDrop {
    #[default]
    GoesOn,
    IsKilled,
    /// With everything in the process group that it leads.
    GroupIsKilled,
}

impl OnDrop {
    /// This, or nothing of the kind.
    pub(crate) fn only_if(self, said: bool) -> Self {
        if said { self } else { Self::GoesOn }
    }
}

/// What a wait that does not last for ever has found.
#[derive(Debug)]
#[must_use = "the process may still be running"]
pub enum Waited {
    /// It has ended and has been reaped.
    Exited(Exit),
    /// It is still running: here is the handle back.
    Running(ChildProcess),
}

/// Kills or signals a child from anywhere, also while its task is blocked in a call: once it is killed, the call
/// returns with a hangup.
///
/// Harmless once the child is gone, whoever has got its pid since. It keeps the child's pidfd open: in an epoll
/// instance, that stays, and is ready, until the last `Killer` is dropped, or the pidfd is deleted there.
#[derive(Clone, Debug)]
pub struct Killer {
    process: Arc<Process>,
}

impl ChildProcess {
    pub(crate) fn new(process: Arc<Process>, parent: Option<ParentOfProgram>) -> Self {
        ChildProcess { process, parent, on_drop: OnDrop::default() }
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The process, for a wait that reaps it: then nothing depends on its parent any more.
    pub(crate) fn reap(
        &mut self,
        wait: impl FnOnce(&Process) -> Result<Option<Exit>, Error>,
    ) -> Result<Option<Exit>, Error> {
        let exit = wait(&self.process)?;
        if exit.is_some() {
            self.parent = None;
        }
        Ok(exit)
    }

    /// Its pid, as this process sees it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.pid().as_raw() as u32
    }

    /// The same, as a pid for calls about it.
    #[must_use]
    pub fn pid(&self) -> Pid<HostPids> {
        self.process.pid()
    }

    /// Waits until it ends, and reaps it: [`waitid(2)`].
    ///
    /// The init of a pid namespace ends when everybody else there has been reaped. This process's own children are,
    /// by this; their handles still know how they ended, but [`waitid`](crate::task::ProcessTask::waitid) sees them
    /// no more. It is the same with the other waits. What the init itself has spawned is its own to reap, also when
    /// it is a program.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StatusLost`](crate::ErrorKind::StatusLost) if another part of the program has
    /// waited for it, or ignores `SIGCHLD`, and the kernel (before 6.15) does not tell afterwards.
    ///
    /// [`waitid(2)`]: https://man7.org/linux/man-pages/man2/waitid.2.html
    pub fn wait(self) -> Result<Exit, Error> {
        self.process.wait()
    }

    /// Reaps it if it has ended.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn try_wait(self) -> Result<Waited, Error> {
        Ok(match self.process.try_wait()? {
            Some(exit) => Waited::Exited(exit),
            None => Waited::Running(self),
        })
    }

    /// Waits until it ends, but no longer than `limit`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(self, limit: Duration) -> Result<Waited, Error> {
        self.process.poll(Some(limit))?;
        self.try_wait()
    }

    /// Waits until it has ended, but no longer than `limit`: true if it has. It does not reap, and so does not take
    /// the handle: [`wait`](Self::wait) has the answer then, at once.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let cat = Program::new("cat");
    /// let (reader, writer) = Task::here().pipe2(PipeFlags::empty())?;
    /// let process = Task::here().spawn()?.program(&cat).fd(0, &reader).exec()?;
    /// assert!(!process.ended_within(Duration::ZERO)?);
    /// drop(writer);
    /// assert!(process.ended_within(Duration::MAX)?);
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `ppoll`: `EINVAL` without a limit on open files.
    ///
    /// # References
    ///
    /// [`pidfd_open(2)`](https://man7.org/linux/man-pages/man2/pidfd_open.2.html)
    pub fn ended_within(&self, limit: Duration) -> Result<bool, Error> {
        self.process.poll(Some(limit))
    }

    /// Sends `SIGKILL`: [`pidfd_send_signal(2)`].
    ///
    /// # Errors
    ///
    /// The kernel's: `EPERM` if it may not be signalled, `ESRCH` if it has been reaped elsewhere.
    ///
    /// [`pidfd_send_signal(2)`]: https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html
    pub fn kill(&self) -> Result<(), Error> {
        self.send_signal(Signal::KILL)
    }

    /// Sends `signal`.
    ///
    /// # Errors
    ///
    /// As [`kill`](Self::kill).
    pub fn send_signal(&self, signal: Signal) -> Result<(), Error> {
        self.process.send_signal(signal)
    }

    /// Sends `signal` to everything in the process group that it leads, if the task has been told to
    /// lead one: [`setpgrp`](crate::task::ProcessTask::setpgrp), or
    /// [`setsid`](crate::task::ProcessTask::setsid).
    ///
    /// It has not been waited for, so the group is its own, also when it has ended and others of the group
    /// have not.
    ///
    /// # Errors
    ///
    /// `ESRCH` of `pidfd_send_signal` or `kill`, if it leads no group; `EPERM`.
    ///
    /// # References
    ///
    /// [`pidfd_send_signal(2)`](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html),
    /// [`kill(2)`](https://man7.org/linux/man-pages/man2/kill.2.html)
    #[doc(alias = "killpg")]
    pub fn send_signal_to_group(&self, signal: Signal) -> Result<(), Error> {
        self.process.send_signal_to_group(signal)
    }

    /// Something to signal it with, for another thread.
    #[must_use]
    pub fn killer(&self) -> Killer {
        Killer::new(Arc::clone(&self.process))
    }

    /// Whether dropping the handle kills the process.
    pub fn kill_on_drop(self, kill: bool) -> Self {
        self.on_drop(OnDrop::IsKilled.only_if(kill))
    }

    /// Whether dropping the handle kills everything in the process group that it leads, or the process alone if it
    /// leads none: see [`send_signal_to_group`](Self::send_signal_to_group). That is so also if the process has ended
    /// by itself, and others of the group have not; once it has been waited for, dropping does nothing.
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// let shell = Program::new("sh").args(["-c", "sleep 1000 & sleep 1000"]);
    /// let child = here.spawn()?;
    /// child.setpgrp()?;
    /// let process = child.program(&shell).fd(1, &writer).exec()?.kill_group_on_drop(true);
    /// drop((process, writer));
    /// // Nobody has the pipe any more.
    /// assert_eq!(here.read(&reader, &mut [0; 1])?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn kill_group_on_drop(self, kill: bool) -> Self {
        self.on_drop(OnDrop::GroupIsKilled.only_if(kill))
    }

    pub(crate) fn on_drop(mut self, on_drop: OnDrop) -> Self {
        self.on_drop = on_drop;
        self
    }

    /// Lets it run on, whatever was said before; a later `spawn` reaps it.
    pub fn detach(self) {
        drop(self.on_drop(OnDrop::GoesOn));
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.process.is_reaped() || !self.process.is_ours() {
            return;
        }
        // If that is refused, it goes on like any other.
        let killed = match self.on_drop {
            OnDrop::GoesOn => None,
            OnDrop::IsKilled => Some(self.process.send_signal(Signal::KILL)),
            OnDrop::GroupIsKilled => Some(self.process.kill_with_group()),
        };
        let _ended = killed.map(|killed| killed.and_then(|()| self.process.poll(Some(MOURNING))));
        if !self.process.reap_if_ended() {
            bury_process(Arc::clone(&self.process), self.parent.take());
        }
    }
}

impl AsFd for ChildProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process.pidfd()
    }
}

impl AsRawFd for ChildProcess {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl fmt::Debug for ChildProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChildProcess({})", self.id())
    }
}

impl Killer {
    pub(crate) fn new(process: Arc<Process>) -> Self {
        Killer { process }
    }

    /// Sends `SIGKILL`.
    ///
    /// # Errors
    ///
    /// The kernel's: `ESRCH` if it is gone, `EPERM` if it may not be signalled.
    pub fn kill(&self) -> Result<(), Error> {
        self.send_signal(Signal::KILL)
    }

    /// Sends `signal`. Until it is a program, a driven task has all of them blocked: `SIGKILL`, `SIGSTOP` and `SIGCONT`
    /// have their effect all the same.
    ///
    /// # Errors
    ///
    /// As [`kill`](Self::kill).
    pub fn send_signal(&self, signal: Signal) -> Result<(), Error> {
        self.process.send_signal(signal)
    }

    /// Sends `signal` to everything in the process group that the child leads:
    /// [`ChildProcess::send_signal_to_group`].
    ///
    /// # Errors
    ///
    /// As there.
    #[doc(alias = "killpg")]
    pub fn send_signal_to_group(&self, signal: Signal) -> Result<(), Error> {
        self.process.send_signal_to_group(signal)
    }
}
