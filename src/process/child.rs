use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output};
use std::time::Duration;

use rustix::process::Signal;

use super::output;
use crate::brand::HostPids;
use crate::handle::{ChildProcess, Exit, Killer};
use crate::interface::Process;
use crate::near::Pid;

/// A program that a [`Command`](super::Command) has started.
///
/// As std's: dropping it neither kills nor waits, unless the command was told
/// [`kill_on_drop`](super::Command::kill_on_drop). But what is dropped is reaped by later spawns, and does not stay a zombie
/// for as long as this program runs.
///
/// Everything goes through the program's pidfd, which is also what [`AsFd`] gives: it can be polled, and
/// is readable when the program has ended: then [`try_wait`](Self::try_wait) has the status. The pipes are
/// std's types. So it works with every async runtime that can wait for an fd; for tokio, the feature
/// `tokio` has `wait_async` and `wait_with_output_async`, and tokio's pipes are made from std's.
pub struct Child {
    /// The program's standard input, if it is piped.
    pub stdin: Option<ChildStdin>,
    /// The program's standard output, if it is piped.
    pub stdout: Option<ChildStdout>,
    /// The program's standard error, if it is piped.
    pub stderr: Option<ChildStderr>,
    pub(super) process: ChildProcess,
    pub(super) exit: Option<Exit>,
}

impl Child {
    pub(super) fn new(
        process: ChildProcess,
        stdin: Option<ChildStdin>,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
    ) -> Self {
        Child { stdin, stdout, stderr, process, exit: None }
    }

    pub(crate) fn as_process(&self) -> &ChildProcess {
        &self.process
    }

    /// Its pid, as this process sees it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The same, as a pid of this process's pid namespace: for calls on it.
    #[must_use]
    pub fn pid(&self) -> Pid<HostPids> {
        self.process.pid()
    }

    /// Closes its standard input, if that is piped and still here, and waits until it ends.
    ///
    /// Waiting again gives the same answer.
    ///
    /// # Errors
    ///
    /// [`StatusLost`](crate::ErrorKind::StatusLost), see [`ChildProcess::wait`].
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        Ok(self.wait_for_exit()?.into())
    }

    /// [`wait`](Self::wait), which also tells what the program has used.
    ///
    /// # Errors
    ///
    /// As `wait`.
    pub fn wait_for_exit(&mut self) -> io::Result<Exit> {
        self.stdin = None;
        let exit = self.look(|process| process.wait().map(Some))?;
        Ok(exit.expect("it has waited until there is one"))
    }

    /// How it has ended, if it has: reaps it then.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        Ok(self.look(Process::try_wait)?.map(ExitStatus::from))
    }

    /// Waits until it ends, but no longer than `limit`. Leaves its standard input open.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub fn wait_timeout(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let exit = self.look(|process| {
            process.poll(Some(limit))?;
            process.try_wait()
        })?;
        Ok(exit.map(ExitStatus::from))
    }

    /// Waits until it has ended, but no longer than `limit`, and does not reap it: true if it has. Leaves its standard
    /// input open.
    ///
    /// # Errors
    ///
    /// Of `ppoll`, see [`ChildProcess::ended_within`].
    pub fn ended_within(&self, limit: Duration) -> io::Result<bool> {
        match self.exit {
            Some(_) => Ok(true),
            None => Ok(self.process.ended_within(limit)?),
        }
    }

    /// Closes its standard input, and waits until its pipes are closed and it has ended. Reads from
    /// both pipes as they fill.
    ///
    /// # Errors
    ///
    /// Of `read`, and as [`wait`](Self::wait).
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        self.stdin = None;
        let (stdout, stderr) = output::read_all(self.stdout.take(), self.stderr.take())?;
        Ok(Output { status: self.wait()?, stdout, stderr })
    }

    /// Sends `SIGKILL`. If it has been waited for, this does nothing.
    ///
    /// # Errors
    ///
    /// `EPERM` of `pidfd_send_signal`, if it runs as somebody else by now.
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(Signal::KILL)
    }

    /// Sends `signal`. If it has been waited for, this does nothing.
    ///
    /// # Errors
    ///
    /// As [`kill`](Self::kill).
    pub fn send_signal(&self, signal: Signal) -> io::Result<()> {
        match self.exit {
            Some(_) => Ok(()),
            None => Ok(self.process.send_signal(signal)?),
        }
    }

    /// Sends `signal` to everything in the process group that the program leads: one that was started
    /// with [`process_group(0)`](super::Command::process_group) or [`setsid`](super::Command::setsid).
    /// If it has been waited for, this does nothing, as the group may be another by then.
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
    pub fn send_signal_to_group(&self, signal: Signal) -> io::Result<()> {
        match self.exit {
            Some(_) => Ok(()),
            None => Ok(self.process.send_signal_to_group(signal)?),
        }
    }

    /// Something to signal it with, for another thread.
    #[must_use]
    pub fn killer(&self) -> Killer {
        self.process.killer()
    }

    /// The process alone, without pipes.
    pub fn into_process(self) -> ChildProcess {
        self.process
    }

    /// How it ended: what was learned before, or what `wait` says.
    fn look(
        &mut self,
        wait: impl FnOnce(&Process) -> Result<Option<Exit>, crate::Error>,
    ) -> io::Result<Option<Exit>> {
        if self.exit.is_none() {
            self.exit = self.process.reap(wait)?;
        }
        Ok(self.exit)
    }
}

impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }
}

impl AsRawFd for Child {
    fn as_raw_fd(&self) -> RawFd {
        self.process.as_raw_fd()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("id", &self.id())
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .field("exit", &self.exit)
            .finish()
    }
}
