//! Becoming a program.
//!
//! # Safety
//!
//! 1. The memory that the requests point to, the image's strings and this room's statics, lives
//!    until they are answered or the child has left this memory.
//! 2. Slots are overwritten only in a table that the child has alone: unshared first, or known to be
//!    its own and put back on failure.
#![expect(unsafe_code, reason = "syscalls that change the task")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::{fmt, io, ptr};

use rustix::io::Errno;

use crate::brand::Namespace;
use crate::handle::{AsFd, ChildProcess, Fd};
use crate::interface::{
    Call, Error, ErrorKind, Failed, KernelSigaction, Request, Ring, SIGSET_SIZE,
};
use crate::near;
use crate::program::{Image, Program};

use super::DrivenTask;
use super::driven::transition::Token;

/// Becoming a program.
pub trait ExecTask: DrivenTask {
    /// `execve(program, ...)`—starts to describe what the program gets; [`Exec::exec`] does it.
    ///
    /// # References
    ///
    /// [`execve(2)`](https://man7.org/linux/man-pages/man2/execve.2.html)
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// let echo = Program::new("echo").arg("hello");
    /// let process = here.spawn()?.program(&echo).fd(1, &writer).exec()?;
    /// drop(writer);
    /// let mut buffer = [0; 16];
    /// assert_eq!(here.read(&reader, &mut buffer)?, "hello\n".len());
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "exec")]
    #[doc(alias = "execve")]
    fn program<'a>(self, program: &'a Program) -> Exec<'a, Self, Self::FdTable> {
        Exec { task: self, program, fds: Vec::new(), borrowed: PhantomData }
    }
}

impl<K: DrivenTask> ExecTask for K {}

/// Whether a failed exec has to leave the task as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnFailure {
    /// The task is dropped.
    Drop,
    /// The task is given back.
    Undo,
}

/// A task about to become a program.
///
/// The program gets 0, 1 and 2 of the task's table, unless they are replaced here, and what is
/// listed here, each at its number. Nothing else: every other fd is closed, whatever its
/// close-on-exec flag.
#[must_use = "nothing happens before `exec`"]
pub struct Exec<'a, K, F> {
    task: K,
    program: &'a Program,
    fds: Vec<(c_int, near::Fd<F>)>,
    borrowed: PhantomData<&'a Fd<F>>,
}

impl<'a, K: DrivenTask> Exec<'a, K, K::FdTable> {
    /// Gives the program `fd`, at `number`. Each number once; the same fd at several if need be.
    pub fn fd(mut self, number: u16, fd: &'a (impl AsFd<K::FdTable> + ?Sized)) -> Self {
        self.fds.push((c_int::from(number), fd.near_fd()));
        self
    }

    /// Executes the program. The task is gone; what is left is the process.
    ///
    /// If the task shares its fd table, it leaves it first: nobody else's 0, 1 or 2 is touched. The
    /// program starts with no signal blocked and with the default action for `SIGPIPE`; other signals
    /// that this program ignores are ignored in it, as after any exec. It survives this process. A signal that was sent to the driven task takes effect here.
    ///
    /// `Ok` means that the kernel has begun to replace the child's memory. If it is killed before
    /// that, this is a [`Hangup`](crate::ErrorKind::Hangup); if it is killed after that, or the
    /// kernel cannot finish, the process's exit tells.
    ///
    /// # Errors
    ///
    /// Of `execve`: `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG`, ...; of `chdir`; `dup3`: `EBADF` for a
    /// number beyond the limit; [`ListedTwice`](crate::ErrorKind::ListedTwice),
    /// [`InteriorNul`](crate::ErrorKind::InteriorNul). The task is dropped with the error, as a task
    /// that has left a shared table cannot go back; [`try_exec`](Self::try_exec) gives it back.
    pub fn exec(self) -> Result<ChildProcess, Error> {
        Ok(self.execute(OnFailure::Drop)?)
    }

    /// Executes the program, or gives the task back as it was.
    ///
    /// Only from a table that the task has alone: a sibling counts until it is dropped, also if it is
    /// dead. With a working directory for the program, the task's own has to be searchable, to come
    /// back to. As it was means: its fds, working directory and
    /// signals; all its fds from 3 on are close-on-exec afterwards, which matters to nobody, since
    /// the next exec decides anew what is passed on.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::NotExecuted;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// brand!(private_fds);
    /// let (child, ()) = Task::here().spawn_with_files(private_fds, ())?;
    /// let process = match child.program(&Program::new("no-such-program")).try_exec() {
    ///     Ok(process) => process,
    ///     Err(NotExecuted { error, task, .. }) => {
    ///         assert_eq!(error.errno(), Some(Errno::NOENT));
    ///         task.program(&Program::new("true")).exec()?
    ///     }
    /// };
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec), and [`SharedTable`](crate::ErrorKind::SharedTable), before anything
    /// is sent.
    pub fn try_exec(self) -> Result<ChildProcess, NotExecuted<K>> {
        self.execute(OnFailure::Undo)
    }

    fn execute(mut self, on_failure: OnFailure) -> Result<ChildProcess, NotExecuted<K>> {
        let fds = self.fds.iter().map(|&(to, from)| Placement { to, from: from.as_raw() });
        let fds = fds.collect();
        match execute(self.task.ring(Token(())), self.program, fds, on_failure) {
            Ok(()) => Ok(ChildProcess::new(self.task.into_ring(Token(())).process().clone())),
            Err(error) => Err(NotExecuted { error, task: self.task }),
        }
    }
}

impl<K: fmt::Debug, F: Namespace> fmt::Debug for Exec<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec")
            .field("task", &self.task)
            .field("program", self.program)
            .field("fds", &self.fds)
            .finish_non_exhaustive()
    }
}

/// An exec that did not happen.
#[derive(thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct NotExecuted<K> {
    /// Why.
    pub error: Error,
    /// The task: as it was, or dead, if that is why.
    pub task: K,
}

impl<K> fmt::Debug for NotExecuted<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotExecuted").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<K> From<NotExecuted<K>> for Error {
    fn from(undone: NotExecuted<K>) -> Self {
        undone.error
    }
}

impl<K> From<NotExecuted<K>> for io::Error {
    fn from(undone: NotExecuted<K>) -> Self {
        undone.error.into()
    }
}

/// An fd and the number the program gets it at.
#[derive(Clone, Copy)]
struct Placement {
    from: c_int,
    to: c_int,
}

fn execute(
    ring: &mut Ring,
    program: &Program,
    fds: Vec<Placement>,
    on_failure: OnFailure,
) -> Result<(), Error> {
    let not_sent = |kind| Error::new(Call::EXECVE, kind);
    let image = program.image().map_err(|_| not_sent(ErrorKind::InteriorNul))?;
    if has_duplicates(fds.iter().map(|fd| fd.to)) {
        return Err(not_sent(ErrorKind::ListedTwice));
    }
    if on_failure == OnFailure::Undo && ring.shares_its_table() {
        return Err(not_sent(ErrorKind::SharedTable));
    }
    let mut preparation = Preparation {
        ring,
        listed: fds.iter().flat_map(|fd| [fd.from, fd.to]).collect(),
        steps: Vec::new(),
        undo: Vec::new(),
        on_failure,
    };
    let outcome = match preparation.prepare(fds, image.current_dir.as_deref()) {
        Ok(()) => preparation.run(&image),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        preparation.take_back();
    }
    outcome
}

fn has_duplicates(numbers: impl Iterator<Item = c_int>) -> bool {
    let mut numbers: Vec<c_int> = numbers.collect();
    numbers.sort_unstable();
    numbers.windows(2).any(|pair| pair[0] == pair[1])
}

/// The steps towards an exec that are still to be sent, and those back.
struct Preparation<'ring> {
    ring: &'ring mut Ring,
    /// The numbers that fds are taken from and put at, which no copy may be at.
    listed: Vec<c_int>,
    /// To be sent together with the first `execve`.
    steps: Vec<Request>,
    /// What puts back what the steps change.
    undo: Vec<Request>,
    on_failure: OnFailure,
}

impl Preparation<'_> {
    /// Plans the steps up to the exec itself. Sends only what has to be known before: copies.
    fn prepare(&mut self, mut fds: Vec<Placement>, directory: Option<&CStr>) -> Result<(), Error> {
        // What other threads drop from here on is not closed under the new program's feet, nor in
        // a copy of its table.
        self.ring.pause_closes()?;
        // The table is this child's own from here on, and nothing is passed on by accident.
        let unshare = match self.on_failure {
            OnFailure::Drop => libc::CLOSE_RANGE_UNSHARE,
            OnFailure::Undo => 0,
        };
        let flags = libc::CLOSE_RANGE_CLOEXEC | unshare;
        self.steps.push(Request::new(Call::CLOSE_RANGE, [3, u32::MAX as usize, flags as usize]));

        self.set_aside(&mut fds)?;
        for fd in fds {
            self.save(fd)?;
            self.steps.push(if fd.from == fd.to {
                // `dup3` refuses this, and `dup2` would leave it close-on-exec.
                set_fd_flags(fd.to, 0)
            } else {
                dup3(fd.from, fd.to, 0)
            });
        }
        if let Some(directory) = directory {
            self.save_directory()?;
            let path = directory.as_ptr().expose_provenance();
            self.steps.push(Request::new(Call::CHDIR, [path]));
        }
        // Of the undoing, this is the first: an unblocked signal could end the child.
        self.undo.insert(0, block_signals(&EVERY_SIGNAL));
        self.undo.insert(1, set_action(libc::SIGPIPE, &KernelSigaction::IGNORE));
        // A SIGPIPE that is pending, since it was blocked, is dropped by ignoring it once more.
        self.steps.push(set_action(libc::SIGPIPE, &KernelSigaction::IGNORE));
        self.steps.push(set_action(libc::SIGPIPE, &KernelSigaction::DEFAULT));
        self.steps.push(block_signals(&NO_SIGNAL));
        Ok(())
    }

    /// Copies every fd whose slot another one is to be put at, as in `{3 -> 4, 4 -> 3}`.
    fn set_aside(&mut self, fds: &mut [Placement]) -> Result<(), Error> {
        let overwritten: Vec<c_int> =
            fds.iter().filter(|fd| fd.from != fd.to).map(|fd| fd.to).collect();
        for fd in fds.iter_mut().filter(|fd| overwritten.contains(&fd.from)) {
            // The copies must not be made in a table that is shared.
            self.send_planned()?;
            fd.from = self.copy(fd.from)?;
            self.undo.push(close(fd.from));
        }
        Ok(())
    }

    /// Remembers what is at the number that `fd` is to be put at.
    fn save(&mut self, fd: Placement) -> Result<(), Error> {
        if self.on_failure == OnFailure::Drop {
            return Ok(());
        }
        let flags = match self.send(Request::new(Call::FCNTL, [fd.to as usize, F_GETFD])) {
            Ok(flags) => flags,
            Err(error) if error.errno() == Some(Errno::BADF) => {
                self.undo.push(close(fd.to));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if fd.from == fd.to {
            self.undo.push(set_fd_flags(fd.to, flags));
            return Ok(());
        }
        let saved = self.copy(fd.to)?;
        let close_on_exec =
            if flags & libc::FD_CLOEXEC as usize == 0 { 0 } else { libc::O_CLOEXEC };
        self.undo.push(dup3(saved, fd.to, close_on_exec));
        self.undo.push(close(saved));
        Ok(())
    }

    fn save_directory(&mut self) -> Result<(), Error> {
        if self.on_failure == OnFailure::Drop {
            return Ok(());
        }
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
        let path = c".".as_ptr().expose_provenance();
        let arguments = [libc::AT_FDCWD as usize, path, flags as usize, 0];
        let directory = self.send(Request::new(Call::OPENAT, arguments))? as c_int;
        // Where it has landed, something may be about to be put.
        let saved = self.copy(directory);
        self.send(close(directory))?;
        let saved = saved?;
        self.undo.push(Request::new(Call::FCHDIR, [saved as usize]));
        self.undo.push(close(saved));
        Ok(())
    }

    /// Sends the steps and tries the candidates in order, as `execvp(3)` does.
    fn run(&mut self, image: &Image) -> Result<(), Error> {
        let (argv, envp) = (pointers(&image.argv), pointers(&image.envp));
        let mut denied = None;
        let mut last = Error::os(Call::EXECVE, Errno::NOENT);
        for path in &image.candidates {
            let vectors = [&argv, &envp].map(|vector| vector.as_ptr().expose_provenance());
            let path = path.as_ptr().expose_provenance();
            self.steps.push(Request::new(Call::EXECVE, [path, vectors[0], vectors[1]]));
            // Only a filter that makes calls up has execve return.
            let made_up = || Error::os(Call::EXECVE, Errno::NOSYS);
            let error = self.send_planned().err().unwrap_or_else(made_up);
            match error.kind() {
                ErrorKind::Hangup if error.call() == Call::EXECVE && self.ring.has_execed()? => {
                    return Ok(());
                }
                ErrorKind::Hangup => return Err(Error::new(Call::EXECVE, ErrorKind::Hangup)),
                _ if error.call() != Call::EXECVE => return Err(error),
                ErrorKind::Os(
                    Errno::NOENT | Errno::NOTDIR | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT,
                ) => last = error,
                ErrorKind::Os(Errno::ACCESS) => denied = Some(error),
                _ => return Err(error),
            }
        }
        Err(denied.unwrap_or(last))
    }

    /// Puts everything back as far as it has come, if that was asked for.
    fn take_back(&mut self) {
        if self.on_failure == OnFailure::Drop {
            return;
        }
        for step in std::mem::take(&mut self.undo) {
            // What was not changed needs no undoing, and a dead task neither.
            let _unchanged = self.send(step);
        }
        self.ring.resume_closes();
    }

    /// A copy of an fd, at a number that nothing is taken from or put at.
    fn copy(&self, fd: c_int) -> Result<c_int, Error> {
        let mut lowest = 3;
        loop {
            let arguments = [fd as usize, libc::F_DUPFD_CLOEXEC as usize, lowest as usize];
            let copy = self.send(Request::new(Call::FCNTL, arguments))? as c_int;
            if !self.listed.contains(&copy) {
                return Ok(copy);
            }
            self.send(close(copy))?;
            lowest = copy + 1;
        }
    }

    fn send_planned(&mut self) -> Result<usize, Error> {
        let steps = std::mem::take(&mut self.steps);
        // SAFETY: (1), (2)
        unsafe { self.ring.submit(&steps) }.map_err(|Failed { error, .. }| error)
    }

    fn send(&self, step: Request) -> Result<usize, Error> {
        // SAFETY: (1), (2)
        unsafe { self.ring.submit(&[step]) }.map_err(|Failed { error, .. }| error)
    }
}

const F_GETFD: usize = libc::F_GETFD as usize;
static EVERY_SIGNAL: u64 = u64::MAX;
static NO_SIGNAL: u64 = 0;

fn close(fd: c_int) -> Request {
    Request::new(Call::CLOSE, [fd as usize])
}

fn dup3(from: c_int, to: c_int, flags: c_int) -> Request {
    Request::new(Call::DUP3, [from as usize, to as usize, flags as usize])
}

fn set_fd_flags(fd: c_int, flags: usize) -> Request {
    Request::new(Call::FCNTL, [fd as usize, libc::F_SETFD as usize, flags])
}

fn block_signals(mask: &'static u64) -> Request {
    let mask = ptr::from_ref(mask).expose_provenance();
    Request::new(Call::RT_SIGPROCMASK, [libc::SIG_SETMASK as usize, mask, 0, SIGSET_SIZE])
}

fn set_action(signal: c_int, action: &'static KernelSigaction) -> Request {
    let action = ptr::from_ref(action).expose_provenance();
    Request::new(Call::RT_SIGACTION, [signal as usize, action, 0, SIGSET_SIZE])
}

/// A null-terminated vector of pointers to `strings`.
fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}
