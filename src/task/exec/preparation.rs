//! The steps of an exec.
//!
//! # Safety
//!
//! 1. The memory that the requests point to lives until they are answered or the child has left its memory:
//!    what is lent (the image, the attributes, the filters, the signal mask), and this room's statics, which
//!    are also in a copy of this memory.
//! 2. Slots are overwritten only in a table that the child has alone: unshared first, or known to be
//!    its own and put back on failure.
#![expect(unsafe_code, reason = "syscalls that change the task")]

use std::ffi::{CStr, CString, c_int};
use std::ptr;

use rustix::io::Errno;

use crate::interface::{
    Answers, Call, DEATH_SIGNAL_AS_IT_IS, Error, ErrorKind, Failed, KernelSigaction, Request, Ring,
    SIGSET_SIZE, SyscallInterface,
};
use crate::program::{Image, Program};
use crate::seccomp::SeccompFilter;

use super::attributes::Attributes;
use super::lending::Lending;

/// Whether a failed exec has to leave the task as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The task is dropped.
    Drop,
    /// The task is given back.
    Undo,
}

/// An fd and the number the program gets it at.
#[derive(Clone, Copy)]
pub(super) struct Placement {
    pub(super) from: c_int,
    pub(super) to: c_int,
}

pub(super) fn execute(
    ring: &mut Ring,
    program: &Program,
    file: Option<c_int>,
    fds: Vec<Placement>,
    attributes: &Attributes,
    on_failure: OnFailure,
) -> Result<(), Error> {
    let not_sent = |kind| Error::new(Call::EXECVE, kind);
    let image = program.image()?;
    if has_duplicates(fds.iter().map(|fd| fd.to)) {
        return Err(not_sent(ErrorKind::ListedTwice));
    }
    attributes.check()?;
    let filters = ring.filters();
    if on_failure == OnFailure::Undo {
        if ring.shares_its_table() {
            return Err(not_sent(ErrorKind::SharedTable));
        }
        if !filters.is_empty() || attributes.are_irreversible() {
            return Err(not_sent(ErrorKind::Irreversible));
        }
    }
    if let Some(residence) = ring.residence() {
        residence.becomes_program().map_err(not_sent)?;
    }
    let mut preparation = Preparation {
        lending: Lending::to(ring),
        ring,
        attributes,
        file,
        listed: fds.iter().flat_map(|fd| [fd.from, fd.to]).collect(),
        steps: Vec::new(),
        undo: Vec::new(),
        on_failure,
    };
    let outcome = match preparation.prepare(fds, image.current_dir.as_deref()) {
        Ok(()) => preparation.run(&image, &filters),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        preparation.take_back();
        if let Some(residence) = ring.residence() {
            residence.stays_driven();
        }
    }
    outcome
}

/// What has come of steps of which the last is an exec, by this call.
pub(super) fn outcome(ring: &mut Ring, answers: Answers, call: Call) -> Result<(), Error> {
    let Failed { error, passed_over, .. } = match answers {
        Err(failed) => failed,
        // Only a filter that makes calls up has execve return.
        Ok(_) => return Err(Error::os(call, Errno::NOSYS)),
    };
    match error.kind() {
        ErrorKind::Hangup if error.call() == call && ring.has_execed()? => Ok(()),
        ErrorKind::Hangup => Err(Error::new(Call::EXECVE, ErrorKind::Hangup)),
        // What may not be executed is worth more than what is not there.
        ErrorKind::Os(
            Errno::NOENT | Errno::NOTDIR | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT,
        ) if error.call() == Call::EXECVE => {
            let denied = |error: &&Error| error.errno() == Some(Errno::ACCESS);
            Err(passed_over.iter().find(denied).copied().unwrap_or(error))
        }
        _ => Err(error),
    }
}

pub(super) fn has_duplicates(numbers: impl Iterator<Item = c_int>) -> bool {
    let mut numbers: Vec<c_int> = numbers.collect();
    numbers.sort_unstable();
    numbers.windows(2).any(|pair| pair[0] == pair[1])
}

/// The steps towards an exec that are still to be sent, and those back.
struct Preparation<'ring> {
    ring: &'ring mut Ring,
    lending: Lending,
    attributes: &'ring Attributes,
    /// What is executed, if it is not looked for by its path.
    file: Option<c_int>,
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
        self.ring.leave_for_sure().map_err(|failed| failed.error)?;
        self.steps.push(close_on_exec(unshare));

        self.set_aside(&mut fds)?;
        for fd in fds {
            self.save(fd)?;
            self.steps.push(place(fd));
        }
        if self.attributes.controlling_terminal {
            let (stdin, do_not_steal) = (0, 0);
            self.steps
                .push(Request::new(Call::IOCTL, [stdin, libc::TIOCSCTTY as usize, do_not_steal]));
        }
        self.change_ids()?;
        if let Some(directory) = directory {
            self.save_directory()?;
            let path = self.lending.bytes(directory.to_bytes_with_nul())?;
            self.steps.push(Request::new(Call::CHDIR, [path]));
        }
        Ok(())
    }

    /// Copies every fd whose slot another one is to be put at, as in `{3 -> 4, 4 -> 3}`.
    fn set_aside(&mut self, fds: &mut [Placement]) -> Result<(), Error> {
        let overwritten = overwritten(fds);
        // A file that is passed on is executed where the program finds it, too: it may be a script.
        let passed_on = fds.iter().find(|fd| Some(fd.from) == self.file).map(|fd| fd.to);
        let in_the_way = self.file.filter(|file| overwritten.contains(file));
        match (passed_on, in_the_way) {
            (Some(number), _) => self.file = Some(number),
            (None, Some(file)) => self.file = Some(self.copy_aside(file)?),
            (None, None) => {}
        }
        for fd in fds.iter_mut().filter(|fd| overwritten.contains(&fd.from)) {
            fd.from = self.copy_aside(fd.from)?;
        }
        Ok(())
    }

    /// A copy of an fd that is about to be overwritten.
    fn copy_aside(&mut self, fd: c_int) -> Result<c_int, Error> {
        // It must not be made in a table that is shared.
        self.send_planned()?;
        let copy = self.copy(fd)?;
        self.undo.push(close(copy));
        Ok(copy)
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

    fn change_ids(&mut self) -> Result<(), Error> {
        let steps = steps_to_ids(self.ring, self.attributes, &mut self.lending)?;
        self.steps.extend(steps);
        Ok(())
    }

    /// Plans what is done to signals for the program.
    fn hand_over_signals(&mut self) -> Result<(), Error> {
        // Of the undoing, this is the first: an unblocked signal could end the child.
        self.undo.insert(0, block_signals((&raw const EVERY_SIGNAL).expose_provenance()));
        self.undo.insert(1, set_action(libc::SIGPIPE, &KernelSigaction::IGNORE));
        let signals = self.ring.for_program();
        if signals.sigchld_is_taken() && !signals.ignores_sigchld() {
            self.undo.insert(2, set_action(libc::SIGCHLD, &KernelSigaction::IGNORE));
            self.steps.push(set_action(libc::SIGCHLD, &KernelSigaction::DEFAULT));
        }
        // A SIGPIPE that is pending, since it was blocked, is dropped by ignoring it once more.
        self.steps.push(set_action(libc::SIGPIPE, &KernelSigaction::IGNORE));
        if !signals.ignores_sigpipe() {
            self.steps.push(set_action(libc::SIGPIPE, &KernelSigaction::DEFAULT));
        }
        let blocked = self.lending.words(vec![signals.blocked() as usize])?;
        self.steps.push(block_signals(blocked));
        Ok(())
    }

    /// Sends the steps, and executes the file or tries the candidates in order, as `execvp(3)` does.
    fn run(&mut self, image: &Image, filters: &[SeccompFilter]) -> Result<(), Error> {
        let mut candidates = &image.candidates[..];
        let death_signal = self.attributes.parent_death_signal.map_or(0, |signal| signal.as_raw());
        let mut death_signal = death_signal as usize;
        if !filters.is_empty() {
            // A filter may forbid everything but the exec. So it goes in last, in one go with a
            // single exec.
            self.send_planned()?;
            if self.file.is_none() {
                candidates = self.first_executable(candidates);
            }
        }
        self.hand_over_signals()?;
        if !filters.is_empty() {
            let set = [libc::PR_SET_PDEATHSIG as usize, death_signal];
            self.steps.push(Request::new(Call::PRCTL, set));
            death_signal = DEATH_SIGNAL_AS_IT_IS;
            for filter in filters {
                let instructions = self.lending.bytes(filter.as_bytes())?;
                let program = self.lending.words(vec![filter.length(), instructions])?;
                let set = [libc::SECCOMP_SET_MODE_FILTER as usize, 0, program];
                self.steps.push(Request::new(Call::SECCOMP, set));
            }
        }
        let argv = self.lending.strings(&image.argv)?;
        let envp = self.lending.strings(&image.envp)?;
        let call = if let Some(file) = self.file {
            let itself = self.lending.bytes(c"".to_bytes_with_nul())?;
            let flag = libc::AT_EMPTY_PATH as usize;
            let arguments = [file as usize, itself, argv, envp, flag, death_signal];
            self.steps.push(Request::new(Call::EXECVEAT, arguments));
            Call::EXECVEAT
        } else {
            self.steps.extend(executing(
                candidates,
                [argv, envp, death_signal],
                &mut self.lending,
            )?);
            Call::EXECVE
        };
        let answers = self.send_steps();
        outcome(self.ring, answers, call)
    }

    /// The first of the candidates that is an executable file, as far as can be told without
    /// executing it; or else the first of all.
    fn first_executable<'image>(&self, candidates: &'image [CString]) -> &'image [CString] {
        let index = candidates.iter().position(|path| self.is_executable(path)).unwrap_or(0);
        candidates.get(index..=index).unwrap_or_default()
    }

    fn is_executable(&self, path: &CStr) -> bool {
        self.ring.lend(path.to_bytes_with_nul(), |path| self.is_executable_at(path))
    }

    fn is_executable_at(&self, path: usize) -> bool {
        let at = libc::AT_FDCWD as usize;
        let access = [at, path, libc::X_OK as usize, libc::AT_EACCESS as usize];
        if self.send(Request::new(Call::FACCESSAT2, access)).is_err() {
            return false;
        }
        let ask = |stat| self.send(Request::new(Call::NEWFSTATAT, [at, path, stat, 0]));
        // SAFETY: integers.
        let stat = unsafe { self.ring.written::<libc::stat>(0, ask) };
        // What nobody has filled in is none.
        stat.is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG)
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
            if copy < lowest {
                // Only a filter answers so.
                return Err(Error::os(Call::FCNTL, Errno::NOSYS));
            }
            if !self.listed.contains(&copy) {
                return Ok(copy);
            }
            self.send(close(copy))?;
            lowest = copy + 1;
        }
    }

    fn send_planned(&mut self) -> Result<usize, Error> {
        self.send_steps().map_err(Error::from)
    }

    /// Where a failure is the end of the task, it is that at once: it may have given up by then what its
    /// death signal depends on.
    fn send_steps(&mut self) -> Answers {
        let mut steps = std::mem::take(&mut self.steps);
        if self.on_failure == OnFailure::Drop {
            steps = steps.into_iter().map(Request::or_exit).collect();
        }
        // SAFETY: (1), (2)
        unsafe { self.ring.submit(&steps) }
    }

    fn send(&self, step: Request) -> Result<usize, Error> {
        // SAFETY: (1), (2)
        unsafe { self.ring.submit(&[step]) }.map_err(Error::from)
    }
}

/// The change of ids, in the order in which each is still allowed.
pub(super) fn steps_to_ids(
    ring: &Ring,
    attributes: &Attributes,
    lending: &mut Lending,
) -> Result<Vec<Request>, Error> {
    let Attributes { uid, gid, groups, .. } = attributes;
    let mut steps = Vec::new();
    if let Some(groups) = groups {
        let list = lending.bytes(bytemuck::cast_slice(groups))?;
        steps.push(Request::new(Call::SETGROUPS, [groups.len(), list]));
    }
    if let Some(gid) = gid {
        steps.push(Request::new(Call::SETRESGID, [*gid as usize; 3]));
    }
    if let Some(uid) = uid {
        if groups.is_none() {
            // SAFETY: (1)
            match unsafe { ring.syscall(Call::SETGROUPS, [0, 0]) } {
                // Who may not change groups may still become another user.
                Err(error) if error.errno() != Some(Errno::PERM) => return Err(error),
                _ => {}
            }
        }
        steps.push(Request::new(Call::SETRESUID, [*uid as usize; 3]));
    }
    Ok(steps)
}

const F_GETFD: usize = libc::F_GETFD as usize;
static EVERY_SIGNAL: u64 = u64::MAX;

/// The slots that others are put at.
pub(super) fn overwritten(fds: &[Placement]) -> Vec<c_int> {
    fds.iter().filter(|fd| fd.from != fd.to).map(|fd| fd.to).collect()
}

/// Passes nothing on by accident.
pub(super) fn close_on_exec(flags: u32) -> Request {
    let flags = libc::CLOSE_RANGE_CLOEXEC | flags;
    Request::new(Call::CLOSE_RANGE, [3, u32::MAX as usize, flags as usize])
}

/// Puts an fd where the program gets it.
pub(super) fn place(fd: Placement) -> Request {
    if fd.from == fd.to {
        // `dup3` refuses this, and `dup2` would leave it close-on-exec.
        set_fd_flags(fd.to, 0)
    } else {
        dup3(fd.from, fd.to, 0)
    }
}

fn close(fd: c_int) -> Request {
    Request::new(Call::CLOSE, [fd as usize])
}

fn dup3(from: c_int, to: c_int, flags: c_int) -> Request {
    Request::new(Call::DUP3, [from as usize, to as usize, flags as usize])
}

fn set_fd_flags(fd: c_int, flags: usize) -> Request {
    Request::new(Call::FCNTL, [fd as usize, libc::F_SETFD as usize, flags])
}

/// Becomes the first of the candidates that can be executed, with these arguments behind its path.
pub(super) fn executing(
    candidates: &[CString],
    [argv, envp, death_signal]: [usize; 3],
    lending: &mut Lending,
) -> Result<Vec<Request>, Error> {
    let nowhere = Error::os(Call::EXECVE, Errno::NOENT);
    let last = candidates.len().checked_sub(1).ok_or(nowhere)?;
    let execve = |(index, path): (usize, &CString)| {
        let path = lending.bytes(path.as_bytes_with_nul())?;
        let execve = Request::new(Call::EXECVE, [path, argv, envp, death_signal]);
        Ok(if index < last { execve.or_next() } else { execve })
    };
    candidates.iter().enumerate().map(execve).collect()
}

pub(super) fn block_signals(mask: usize) -> Request {
    Request::new(Call::RT_SIGPROCMASK, [libc::SIG_SETMASK as usize, mask, 0, SIGSET_SIZE])
}

pub(super) fn set_action(signal: c_int, action: &'static KernelSigaction) -> Request {
    let action = ptr::from_ref(action).expose_provenance();
    Request::new(Call::RT_SIGACTION, [signal as usize, action, 0, SIGSET_SIZE])
}
