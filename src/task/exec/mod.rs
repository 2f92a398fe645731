//! Becoming a program.

mod attributes;
mod direct;
mod init;
mod lending;
mod preparation;

use std::ffi::c_int;
use std::fmt;
use std::marker::PhantomData;

use rustix::process::{Gid, Signal, Uid};

use crate::brand::Namespace;
use crate::far;
use crate::handle::{AsFd, ChildProcess, Exit, Fd};
use crate::instead::IsAProgram;
use crate::interface::{Call, Error, Ring};
use crate::near;
use crate::program::Program;

pub(crate) use self::attributes::Attributes;
pub(crate) use self::direct::spawn_program;
use self::init::execute_under_init;
use self::preparation::{OnFailure, Placement, execute};
use super::DrivenTask;
use super::arguments::in_own_table;
use super::driven::transition::Token;

/// Becoming a program.
pub trait ExecTask: far::Task + Sized {
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
    fn program<'a>(self, program: &'a Program) -> Exec<'a, Self, Self::FdTable>
    where
        Self: DrivenTask,
    {
        Exec {
            task: self,
            ring: |task| task.ring(Token(())),
            program,
            file: None,
            fds: Vec::new(),
            mismatch: Ok(()),
            attributes: Attributes::default(),
            borrowed: PhantomData,
        }
    }

    /// `execveat(file, "", ..., AT_EMPTY_PATH)`—starts to describe what the program gets that is in an open
    /// file; [`Exec::exec`] executes it.
    ///
    /// Nothing is looked up: the path of `program` is only what the program gets as its own name, if there is
    /// no [`arg0`](Program::arg0). So it is the file that was opened, or written (a memory file, from
    /// [`memfd_create`](super::StorageTask::memfd_create)), whatever is at its path by now, and whatever the
    /// task's root is. `O_PATH` is enough; open for writing anywhere, it is `ETXTBSY`, except for a memory
    /// file.
    ///
    /// Checked: `file` is of this task's fd table. The program does not get it, as it gets nothing that is not
    /// [listed](Exec::fd). A script does need it, since its interpreter opens it again, as `/dev/fd/N`, for
    /// which `/proc` has to be mounted: list it, at any number, and the interpreter is told that one. If it is
    /// not listed, a script is `ENOENT`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let script = child.memfd_create("script", MemfdFlags::CLOEXEC)?;
    /// child.write(&script, b"#!/bin/sh\ntest $1 = there")?;
    /// let program = Program::new("script").arg("there");
    /// let process = child.program_at(&script, &program).fd(9, &script).exec()?;
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`execveat(2)`](https://man7.org/linux/man-pages/man2/execveat.2.html),
    /// [`fexecve(3)`](https://man7.org/linux/man-pages/man3/fexecve.3.html)
    #[doc(alias = "execveat")]
    #[doc(alias = "fexecve")]
    fn program_at<'a>(
        self,
        file: &'a (impl AsFd<Self::FdTable> + ?Sized),
        program: &'a Program,
    ) -> Exec<'a, Self, Self::FdTable>
    where
        Self: DrivenTask,
    {
        let mismatch = in_own_table(&self, Call::EXECVEAT, file.table());
        Exec { file: Some(file.near_fd()), mismatch, ..self.program(program) }
    }
}

impl<K: far::Task> ExecTask for K {}

/// A task about to become a program.
///
/// The program gets 0, 1 and 2 of the task's table, unless they are replaced here, and what is
/// listed here, each at its number. Nothing else: every other fd is closed, whatever its
/// close-on-exec flag.
#[must_use = "nothing happens before `exec`"]
pub struct Exec<'a, K, F> {
    task: K,
    /// How to get at what drives it: that there is one has been checked where this was made.
    ring: fn(&mut K) -> &mut Ring,
    program: &'a Program,
    file: Option<near::Fd<F>>,
    fds: Vec<(c_int, near::Fd<F>)>,
    /// Whether all of them are of the task's table, where the types do not say so.
    mismatch: Result<(), Error>,
    attributes: Attributes,
    borrowed: PhantomData<&'a Fd<F>>,
}

impl<'a, K: far::Task> Exec<'a, K, K::FdTable> {
    /// Gives the program `fd`, at `number`. Each number once; the same fd at several if need be.
    pub fn fd(mut self, number: u16, fd: &'a (impl AsFd<K::FdTable> + ?Sized)) -> Self {
        self.mismatch = self.mismatch.and(in_own_table(&self.task, Call::EXECVE, fd.table()));
        self.fds.push((c_int::from(number), fd.near_fd()));
        self
    }

    /// Gives the program several, each at its number: as [`fd`](Self::fd) for each.
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use std::net::TcpListener;
    /// let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    /// let server = Program::new("sh").args(["-c", "test -S /proc/self/fd/3 && test -S /proc/self/fd/4"]);
    /// let process = Task::here().spawn()?.program(&server).fds((3..).zip(&listeners)).exec()?;
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn fds<T>(self, fds: impl IntoIterator<Item = (u16, &'a T)>) -> Self
    where
        T: AsFd<K::FdTable> + ?Sized + 'a,
    {
        fds.into_iter().fold(self, |exec, (number, fd)| exec.fd(number, fd))
    }

    #[doc(hidden)]
    pub fn wait(self) -> Result<Exit, Error>
    where
        Self: IsAProgram,
    {
        self.ended()
    }

    pub(crate) fn attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// The user the program runs as: real, effective and saved id.
    ///
    /// It loses the supplementary groups, if the task may drop them and [`groups`](Self::groups) does not say
    /// otherwise. It comes after everything that has been done to the task, and before the working directory, the
    /// signals and the [filters](crate::task::SeccompTask::seccomp_on_exec): those are the new user's, who may install
    /// them with [`no_new_privs`](crate::task::PrctlTask::prctl_set_no_new_privs) only. Capabilities are gone then,
    /// unless they are [kept](crate::task::PrctlTask::prctl_set_keepcaps). While the task has those ids and is not yet
    /// the program, it still shares this program's memory, which therefore is made undumpable for that moment
    /// ([`PR_SET_DUMPABLE(2const)`]); it is dumpable again, if it was, when the program no longer shares it. What this
    /// program itself says of the flag in that moment is lost. If `fs.suid_dumpable` is 1, the kernel sets the flag in
    /// that moment, and the new user can look in; if it is 0 or 2 ([`proc_sys_fs(5)`]), it does not.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::IdMap;
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// child.unshare(Namespaces::USER)?; // No privileges are needed.
    /// here.write_uid_map(&child, &[IdMap::own_uid_as(7)])?;
    /// let program = Program::new("sh").args(["-c", "test $(id -u) = 7"]);
    /// assert!(child.program(&program).uid(Uid::from_raw(7)).exec()?.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`setresuid(2)`](https://man7.org/linux/man-pages/man2/setresuid.2.html),
    /// [`credentials(7)`](https://man7.org/linux/man-pages/man7/credentials.7.html)
    ///
    /// [`proc_sys_fs(5)`]: https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html
    /// [`PR_SET_DUMPABLE(2const)`]: https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    #[doc(alias = "setresuid")]
    #[doc(alias = "setuid")]
    pub fn uid(mut self, uid: Uid) -> Self {
        self.attributes.uid = Some(uid.as_raw());
        self
    }

    /// The group the program runs as: real, effective and saved id. See [`uid`](Self::uid).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::IdMap;
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// child.unshare(Namespaces::USER)?; // No privileges are needed.
    /// here.deny_setgroups(&child)?; // Without them, the kernel requires this.
    /// here.write_gid_map(&child, &[IdMap::own_gid_as(8)])?;
    /// let program = Program::new("sh").args(["-c", "test $(id -g) = 8"]);
    /// assert!(child.program(&program).gid(Gid::from_raw(8)).exec()?.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`setresgid(2)`](https://man7.org/linux/man-pages/man2/setresuid.2.html)
    #[doc(alias = "setresgid")]
    #[doc(alias = "setgid")]
    pub fn gid(mut self, gid: Gid) -> Self {
        self.attributes.gid = Some(gid.as_raw());
        self
    }

    /// The program's supplementary groups. See [`uid`](Self::uid) for what they are if nothing is said.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let server = Program::new("server");
    /// // Needs `CAP_SETGID`, and `CAP_SETUID`.
    /// let (user, group) = (Uid::from_raw(33), Gid::from_raw(33));
    /// let groups = [Gid::from_raw(4)];
    /// let child = Task::here().spawn()?;
    /// let process = child.program(&server).groups(&groups).gid(group).uid(user).exec()?;
    /// # drop(process);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`setgroups(2)`](https://man7.org/linux/man-pages/man2/getgroups.2.html)
    #[doc(alias = "setgroups")]
    pub fn groups(mut self, groups: &[Gid]) -> Self {
        self.attributes.groups = Some(groups.iter().map(|group| group.as_raw()).collect());
        self
    }

    /// Makes the terminal that is the program's standard input the controlling terminal of its
    /// session, which it has to lead: see [`setsid`](super::ProcessTask::setsid).
    ///
    /// It is not taken away from another session: then it is `EPERM` of `ioctl`.
    ///
    /// # References
    ///
    /// [`setsid(2)`](https://man7.org/linux/man-pages/man2/setsid.2.html),
    /// [`TIOCSCTTY(2const)`](https://man7.org/linux/man-pages/man2/TIOCSCTTY.2const.html)
    #[doc(alias = "TIOCSCTTY")]
    pub fn controlling_terminal(mut self) -> Self {
        self.attributes.controlling_terminal = true;
        self
    }

    /// The signal that the program gets when this process ends, or executes another program.
    ///
    /// Not when the thread ends that has called `spawn`, as with a bare `PR_SET_PDEATHSIG`. This process
    /// has to be allowed to signal the program when it comes to that, which without `CAP_KILL` it is not
    /// if the program runs as somebody else. The kernel forgets it if the program is set-user-id or has
    /// capabilities, changes its ids, or is replaced by one that does.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let sleep = Program::new("sleep").arg("1000");
    /// // It does not outlive this process, not even if that is killed.
    /// let process = child.program(&sleep).parent_death_signal(Signal::TERM).exec()?;
    /// # process.kill_on_drop(true);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`PR_SET_PDEATHSIG(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html)
    #[doc(alias = "PR_SET_PDEATHSIG")]
    pub fn parent_death_signal(mut self, signal: Signal) -> Self {
        self.attributes.parent_death_signal = Some(signal);
        self
    }

    /// Executes the program. The task is gone; what is left is the process.
    ///
    /// If the task shares its fd table, it leaves it first: nobody else's 0, 1 or 2 is touched. The
    /// program starts with no signal blocked and with the default action for `SIGPIPE`, unless the task
    /// has been told otherwise ([`SignalTask`](super::SignalTask)); other signals that this program
    /// ignores are ignored in it, as after any exec. It survives this process. A signal that was sent to
    /// the driven task takes effect here, if the program does not block it.
    ///
    /// Until it has been reaped, a thread of this process sleeps as its parent: so a death signal that it asks for by
    /// itself comes when this process ends.
    ///
    /// `Ok` means that the kernel has begun to replace the child's memory. If it is killed before
    /// that, this is a [`Hangup`](crate::ErrorKind::Hangup); if it is killed after that, or the
    /// kernel cannot finish, the process's exit tells.
    ///
    /// # Errors
    ///
    /// Of `execve` or `execveat`: `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG`, ...; of `chdir`, `setgroups`, `setresgid`,
    /// `setresuid`, `ioctl` and `seccomp`; `dup3`: `EBADF` for a number beyond the limit;
    /// [`ListedTwice`](crate::ErrorKind::ListedTwice),
    /// [`InteriorNul`](crate::ErrorKind::InteriorNul); [`Mismatch`](crate::ErrorKind::Mismatch) for
    /// [`Dynamic`](crate::Dynamic) fds of another table. [`MemoryExposed`](crate::ErrorKind::MemoryExposed) in
    /// a pid namespace that this program has made, if another driven task lives there, or in one made there.
    /// [`NotSent`](crate::ErrorKind::NotSent) if the task was dead before.
    ///
    /// The task is dropped with the error, as a task that has left a shared table cannot go back;
    /// [`try_exec`](Self::try_exec) gives it back.
    pub fn exec(self) -> Result<ChildProcess, Error> {
        Ok(self.execute(OnFailure::Drop)?)
    }

    /// Executes the program as [`exec`](Self::exec) does, but under an init.
    ///
    /// The task has to be the init of a pid namespace. It becomes a program of a few hundred bytes that this library
    /// brings along, and the program becomes a child of that. This init waits for orphans, so that none stays a zombie,
    /// and passes signals on. The program is not process 1 of the namespace, so signals that it does not handle do to
    /// it what they do everywhere. What was done to the task, and a child has from its parent
    /// ([`fork(2)`]), and what is said here, is for the program; but a session, a process group or a terminal is led by
    /// the init, with the program in it.
    ///
    /// The init has no fds and no capabilities, and runs as the same user as the program, in the root directory. So a
    /// program that takes control of it gains nothing, but for what its own filters keep from it: the kernel
    /// lets it do that with `CAP_SYS_PTRACE` only.
    ///
    /// The process that is returned is the init. It ends when the program does, with its exit status, or 128 and the
    /// number of the signal that killed it; then the kernel kills everything else in the namespace. What is sent to it
    /// reaches the program, without the value that a signal may have, except for `SIGKILL`, which ends them all,
    /// `SIGSTOP` and `SIGCHLD`; what is sent to their process group reaches the program twice. Its [death
    /// signal](Self::parent_death_signal) is `SIGKILL`, whatever is said here: nothing of it outlives this process, if
    /// that may signal it.
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec); [`NotInit`](crate::ErrorKind::NotInit); of the calls by which the task becomes the
    /// init, in its own limits on fds and the size of files: `clone3`, `memfd_create`, `write`, `execveat`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER)?; // No privileges are needed.
    /// brand!(inner_pids);
    /// let init = child.spawn_with_pids(inner_pids)?;
    /// // It leaves an orphan behind, and is not process 1 itself.
    /// let program = Program::new("sh").args(["-c", "(sleep 1000 &); test $$ != 1; exit 7"]);
    /// let process = init.program(&program).exec_under_init()?;
    /// assert_eq!(process.wait()?.code(), Some(7));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`pid_namespaces(7)`](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html), [`fork(2)`]
    ///
    /// [`fork(2)`]: https://man7.org/linux/man-pages/man2/fork.2.html
    #[doc(alias = "tini")]
    #[doc(alias = "as-pid2")]
    pub fn exec_under_init(self) -> Result<ChildProcess, Error>
    where
        K: DrivenTask,
    {
        let (fds, file) = self.listed()?;
        let Exec { task, program, attributes, .. } = self;
        execute_under_init(task, program, file, fds, &attributes)
    }

    /// Executes the program, or gives the task back as it was.
    ///
    /// Only from a table that the task has alone: from this process's, it does not compile, and in a private one, a
    /// sibling counts until it is dropped, also if it is dead. With a working directory for the program,
    /// the task's own has to be searchable, to come back to. As it was means: its fds, working directory and
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
    /// As [`exec`](Self::exec), and before anything is sent [`SharedTable`] or, with other ids, a
    /// controlling terminal or a filter, [`Irreversible`].
    ///
    /// [`SharedTable`]: crate::ErrorKind::SharedTable
    /// [`Irreversible`]: crate::ErrorKind::Irreversible
    pub fn try_exec(self) -> Result<ChildProcess, NotExecuted<K>>
    where
        K::FdTable: far::NotHostTable,
    {
        self.execute(OnFailure::Undo)
    }

    fn execute(mut self, on_failure: OnFailure) -> Result<ChildProcess, NotExecuted<K>> {
        let (fds, file) = match self.listed() {
            Ok(listed) => listed,
            Err(error) => return Err(NotExecuted { error, task: self.task }),
        };
        let ring = (self.ring)(&mut self.task);
        match execute(ring, self.program, file, fds, &self.attributes, on_failure) {
            // Also for a death signal that the program asks for by itself.
            Ok(()) => Ok(ChildProcess::new(ring.process().clone(), Some(ring.parent()))),
            Err(error) => Err(NotExecuted { error, task: self.task }),
        }
    }
}

impl<K, F: Namespace> Exec<'_, K, F> {
    /// The numbers of the fds that the program gets, and of the file that it is in, if it is not looked for.
    fn listed(&self) -> Result<(Vec<Placement>, Option<c_int>), Error> {
        self.mismatch?;
        let fds = self.fds.iter().map(|&(to, from)| Placement { to, from: from.as_raw() });
        Ok((fds.collect(), self.file.map(near::Fd::as_raw)))
    }
}

impl<K: fmt::Debug, F: Namespace> fmt::Debug for Exec<'_, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec")
            .field("task", &self.task)
            .field("program", self.program)
            .field("file", &self.file)
            .field("fds", &self.fds)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

/// An exec that did not happen.
#[non_exhaustive]
pub struct NotExecuted<K> {
    /// Why.
    pub error: Error,
    /// The task: as it was, or dead, if that is why.
    pub task: K,
}

undone! { NotExecuted<K> Error }
