use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::time::Duration;

use rustix::process::Signal;

use super::output::{self, LimitedOutput};
use super::prepare::{ChildFds, ChildTask, Preparation, PrepareError, Run};
use super::spawn::{Group, Unnamed, spawn};
use super::{Child, CommandArgs, CommandEnvs, IdMap, IntoHostFd, IntoStdio, Stdio};
use crate::handle::{Fd, OnDrop};
use crate::instead::RunsInTheChild;
use crate::namespaces::Namespaces;
use crate::program::Program;
use crate::task::Attributes;

/// A program to start: std's [`Command`](std::process::Command), in direct style.
///
/// The surface is std's, and so are the rules below, but for what is said under *Differences*. No code
/// runs between `fork` and `exec`: every step is a call that this process makes in the child. So it is
/// safe from any thread of a program with many, and [`prepare`](Self::prepare) is a safe `pre_exec`.
///
/// ```
/// use nearfar::process::{Command, Stdio};
///
/// # fn main() -> std::io::Result<()> {
/// let output = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::null()).output()?;
/// assert!(output.status.success());
/// # Ok(())
/// # }
/// ```
///
/// # The program
///
/// A name with a slash in it is a path; a relative one is relative to
/// [`current_dir`](Self::current_dir). A name without is looked up in the directories of `PATH` in the
/// environment the program will get; if that has no `PATH`, in `/bin` and `/usr/bin`. Directories in
/// which it is missing, or may not be executed, are passed over; if none has it, but one had a file that
/// may not be executed, the error is `EACCES`.
///
/// # The environment
///
/// The program gets this process's environment as it is at the time of the spawn, with the changes made
/// here, which are applied in the order of the calls; after [`env_clear`](Self::env_clear) it gets only
/// what was set afterwards.
///
/// # The order of things
///
/// 1. The child is made: in its cgroup, and in its new namespaces, whose id maps are written.
/// 2. It enters its session and process group.
/// 3. [`prepare`](Self::prepare), in the order of the calls, with all of the privileges it has by then.
/// 4. Its fds are put at their numbers, and everything else is closed.
/// 5. The controlling terminal, then supplementary groups, group and user, then the working directory. If
///    groups are dropped only because there is a user, that is done first of all.
/// 6. Signals: none is blocked, and `SIGPIPE` has its default action, unless a preparation has said otherwise.
/// 7. The signal that it gets at this thread's end, if there is to be one,
///    [filters](crate::task::SeccompTask::seccomp_on_exec), and `execve`.
///
/// # Differences from std's
///
/// - Nothing is inherited but 0, 1 and 2, also if it is not close-on-exec: what else the program is to
///   have is listed with [`fd`](Self::fd).
/// - `prepare` runs before the ids change, not after, so that it may do what needs privileges.
/// - [`uid`](Self::uid) and [`gid`](Self::gid) set the real and the saved id too, for users that are not
///   privileged as well.
/// - No signal is blocked in the program, unless a preparation has said so; std passes on what the calling
///   thread blocks.
/// - An executable file that the kernel does not know (a script without `#!`) is an error, `ENOEXEC`; std
///   hands it to a shell in some cases.
/// - Errors name the call that failed, so [`raw_os_error`](io::Error::raw_os_error) is `None` for them;
///   their [`kind`](io::Error::kind) is the same as std's, and the [`Error`](crate::Error) inside, which
///   [`Error::from_io_error`](crate::Error::from_io_error) takes out, has the errno.
/// - Strings with a NUL byte in them are returned unchanged ([`get_program`](Self::get_program), ...); std
///   returns `<string-with-nul>`.
/// - A child that is dropped is reaped when later ones are spawned, and is no zombie for ever.
/// - There is no `exec`, which would replace this program.
pub struct Command {
    pub(super) program: Program,
    /// What the program has at its numbers, as far as that was said.
    pub(super) fds: BTreeMap<u16, Stdio>,
    pub(super) settings: Settings,
    pub(super) preparations: Vec<Preparation>,
}

/// What a command says about the process, beside its program and fds.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) attributes: Attributes,
    pub(super) session: Session,
    pub(super) namespaces: Namespaces,
    pub(super) pid_namespace: bool,
    pub(super) under_init: bool,
    pub(super) uid_map: Vec<IdMap>,
    pub(super) gid_map: Vec<IdMap>,
    pub(super) cgroup: Option<OwnedFd>,
    pub(super) on_drop: OnDrop,
}

/// Where a program is in the hierarchy of jobs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Session {
    pub(super) new: bool,
    /// 0 for a new one.
    pub(super) group: Option<i32>,
}

impl Command {
    /// The program at the path `program`, or, without a slash in it, of that name.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Program::new(program).into()
    }

    fn change(&mut self, change: impl FnOnce(Program) -> Program) -> &mut Self {
        let program = std::mem::replace(&mut self.program, Program::new(""));
        self.program = change(program);
        self
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.change(|program| program.arg(arg))
    }

    /// Adds arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> &mut Self {
        self.change(|program| program.args(args))
    }

    /// What the program gets as its own name.
    pub fn arg0(&mut self, arg0: impl AsRef<OsStr>) -> &mut Self {
        self.change(|program| program.arg0(arg0))
    }

    /// Sets an environment variable.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.change(|program| program.env(name, value))
    }

    /// Sets environment variables.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> &mut Self {
        for (name, value) in variables {
            self.env(name, value);
        }
        self
    }

    /// Does not pass on an environment variable.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.change(|program| program.env_remove(name))
    }

    /// Passes on nothing of this process's environment, and forgets what was set so far.
    pub fn env_clear(&mut self) -> &mut Self {
        self.change(Program::env_clear)
    }

    /// The working directory to start in: inside of the root directory that
    /// [`prepare`](Self::prepare) may have changed.
    pub fn current_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.change(|program| program.current_dir(directory))
    }

    /// The program's standard input: by default this process's, and `/dev/null` for
    /// [`output`](Self::output).
    pub fn stdin(&mut self, stdin: impl IntoStdio) -> &mut Self {
        self.set_fd(0, stdin.into_stdio())
    }

    /// The program's standard output: by default this process's, and a pipe for
    /// [`output`](Self::output).
    pub fn stdout(&mut self, stdout: impl IntoStdio) -> &mut Self {
        self.set_fd(1, stdout.into_stdio())
    }

    /// The program's standard error: by default this process's, and a pipe for
    /// [`output`](Self::output).
    pub fn stderr(&mut self, stderr: impl IntoStdio) -> &mut Self {
        self.set_fd(2, stderr.into_stdio())
    }

    /// Gives the program a further fd, at `number`.
    ///
    /// As the standard streams, it is the command's from now on, for every program that it starts:
    /// close-on-exec or not does not matter, and it is closed when the command is dropped. The last one
    /// given for a number is used.
    ///
    /// ```
    /// use nearfar::process::Command;
    /// use std::io::Read;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut reader, writer) = std::os::unix::net::UnixStream::pair()?;
    /// let mut command = Command::new("sh");
    /// let status = command.args(["-c", "echo ready >&7"]).fd(7, writer).status()?;
    /// assert!(status.success());
    /// drop(command);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text)?;
    /// assert_eq!(text, "ready\n");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "dup2")]
    pub fn fd(&mut self, number: u16, fd: impl IntoHostFd) -> &mut Self {
        self.set_fd(number, fd.into_host_fd().into())
    }

    fn set_fd(&mut self, number: u16, stdio: Stdio) -> &mut Self {
        self.fds.insert(number, stdio);
        self
    }

    /// The user the program runs as; see [`Exec::uid`](crate::task::Exec::uid).
    pub fn uid(&mut self, uid: u32) -> &mut Self {
        self.settings.attributes.uid = Some(uid);
        self
    }

    /// The group the program runs as; see [`Exec::gid`](crate::task::Exec::gid).
    pub fn gid(&mut self, gid: u32) -> &mut Self {
        self.settings.attributes.gid = Some(gid);
        self
    }

    /// The program's supplementary groups. By default, with a [`uid`](Self::uid) it has none, if this
    /// process may change them.
    pub fn groups(&mut self, groups: &[u32]) -> &mut Self {
        self.settings.attributes.groups = Some(groups.to_vec());
        self
    }

    /// The process group of the program: 0 for a new one, with its own pid as the number.
    ///
    /// # References
    ///
    /// [`setpgid(2)`](https://man7.org/linux/man-pages/man2/setpgid.2.html)
    #[doc(alias = "setpgid")]
    pub fn process_group(&mut self, group: i32) -> &mut Self {
        self.settings.session.group = Some(group);
        self
    }

    /// Whether the program leads a session of its own, without a terminal.
    ///
    /// # References
    ///
    /// [`setsid(2)`](https://man7.org/linux/man-pages/man2/setsid.2.html)
    pub fn setsid(&mut self, setsid: bool) -> &mut Self {
        self.settings.session.new = setsid;
        self
    }

    /// Has the program lead a session of its own, with the terminal that is its standard input as the
    /// controlling one.
    ///
    /// # References
    ///
    /// [`TIOCSCTTY(2const)`](https://man7.org/linux/man-pages/man2/TIOCSCTTY.2const.html)
    #[doc(alias = "TIOCSCTTY")]
    pub fn controlling_terminal(&mut self) -> &mut Self {
        self.settings.attributes.controlling_terminal = true;
        self.setsid(true)
    }

    /// Whether dropping the [`Child`] kills the program. Then the drop waits for its end, 200 ms at most.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.settings.on_drop = OnDrop::IsKilled.only_if(kill);
        self
    }

    /// Whether dropping the [`Child`] kills everything in the process group that the program leads: one of its own, if
    /// nothing else is said of its [group](Self::process_group) or [session](Self::setsid). If it is put into a group
    /// that is there already, the program alone is killed. Once it has been waited for, dropping does nothing. Of this
    /// and [`kill_on_drop`](Self::kill_on_drop), the last one said counts.
    #[doc(alias = "killpg")]
    pub fn kill_group_on_drop(&mut self, kill: bool) -> &mut Self {
        self.settings.on_drop = OnDrop::GroupIsKilled.only_if(kill);
        self
    }

    /// The signal that the program gets when this process ends; see
    /// [`Exec::parent_death_signal`](crate::task::Exec::parent_death_signal).
    #[doc(alias = "PR_SET_PDEATHSIG")]
    pub fn parent_death_signal(&mut self, signal: Signal) -> &mut Self {
        self.settings.attributes.parent_death_signal = Some(signal);
        self
    }

    /// Makes new namespaces for the program, of these kinds. Adds to those named before.
    ///
    /// With `USER` among them, no privileges are needed. Say what its ids are with
    /// [`uid_map`](Self::uid_map) and [`gid_map`](Self::gid_map). With `TIME`, its clocks can be set in
    /// [`prepare`](Self::prepare), by [`set_time_offsets`](crate::task::TimeNamespaceTask::set_time_offsets).
    ///
    /// ```
    /// use nearfar::Namespaces;
    /// use nearfar::process::{Command, IdMap};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let output = Command::new("id")
    ///     .arg("-u")
    ///     .unshare(Namespaces::USER | Namespaces::NET)
    ///     .uid_map(&[IdMap::own_uid_as(0)])
    ///     .gid_map(&[IdMap::own_gid_as(0)])
    ///     .output()?;
    /// assert_eq!(output.stdout, b"0\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html),
    /// [`namespaces(7)`](https://man7.org/linux/man-pages/man7/namespaces.7.html)
    #[doc(alias = "clone")]
    pub fn unshare(&mut self, namespaces: Namespaces) -> &mut Self {
        self.settings.namespaces |= namespaces;
        self
    }

    /// Makes a new pid namespace, of which the program is the init.
    ///
    /// When it ends, the kernel kills everything else in the namespace. As an init it has to wait for
    /// orphans, and signals that it does not handle do nothing to it, unless they come from outside and
    /// are `SIGKILL` or `SIGSTOP`. For a program that is not made for that, put an init before it:
    /// [`under_init`](Self::under_init).
    ///
    /// Mount a new `/proc` in [`prepare`](Self::prepare), in a new mount namespace, for programs that look
    /// there.
    ///
    /// # References
    ///
    /// [`pid_namespaces(7)`](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html)
    #[doc(alias = "CLONE_NEWPID")]
    pub fn unshare_pid(&mut self) -> &mut Self {
        self.settings.pid_namespace = true;
        self
    }

    /// Puts an init before the program, in the new pid namespace that [`unshare_pid`](Self::unshare_pid) makes.
    ///
    /// It waits for orphans, passes signals on, and ends as the program does:
    /// [`Exec::exec_under_init`](crate::task::Exec::exec_under_init). The [`Child`](super::Child) is this init. It and
    /// everything in the namespace end at the latest when this process does, if that may signal them, whatever
    /// [`parent_death_signal`](Self::parent_death_signal) says.
    ///
    /// Without `unshare_pid`, the spawn fails with [`NotInit`](crate::ErrorKind::NotInit).
    ///
    /// ```
    /// use nearfar::process::Command;
    /// use nearfar::{IdMap, Namespaces};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "kill -KILL $$"]).unshare_pid().under_init();
    /// command.unshare(Namespaces::USER).uid_map(&[IdMap::own_uid_as(0)]);
    /// // Process 1 would not have died of that.
    /// assert_eq!(command.status()?.code(), Some(128 + 9));
    /// # Ok(())
    /// # }
    /// ```
    pub fn under_init(&mut self) -> &mut Self {
        self.settings.under_init = true;
        self
    }

    /// The user ids of the program's new user namespace. The program runs as the id that this
    /// process's user is mapped to, or as nobody if it is not mapped: choose one with [`uid`](Self::uid) then.
    ///
    /// The maps are written by this process, so it has to be allowed to: without privileges only
    /// [`IdMap::own_uid_as`]. Without `USER` in [`unshare`](Self::unshare), there is no new namespace to write
    /// them for, and the spawn fails: with `EPERM` of `write`, as this process's own has its maps already.
    ///
    /// A [preparation](Self::prepare) is made by this process's user. If that is not mapped, it can make no files:
    /// `EOVERFLOW`.
    ///
    /// # References
    ///
    /// [`user_namespaces(7)`](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)
    pub fn uid_map(&mut self, map: &[IdMap]) -> &mut Self {
        self.settings.uid_map = map.to_vec();
        self
    }

    /// The group ids of the program's new user namespace. As [`uid_map`](Self::uid_map); without
    /// privileges, `setgroups` is denied in the namespace, which the kernel requires.
    pub fn gid_map(&mut self, map: &[IdMap]) -> &mut Self {
        self.settings.gid_map = map.to_vec();
        self
    }

    /// The cgroup, a directory of cgroup v2, that the program is in from its first moment on. In one that is frozen, it
    /// starts, and [`spawn`](Self::spawn) returns, when that is thawed.
    ///
    /// The spawn fails with what `clone3` says: `EBADF` if it is no directory of cgroup v2, `EACCES` if this process
    /// may not move a process there from its own cgroup, `EAGAIN` at the limit of the cgroup (`pids.max`), `EBUSY` if
    /// controllers are enabled for its children, `EOPNOTSUPP` if it is not in the state for it (`cgroup.type`).
    ///
    /// If it is prepared, or has id maps, it shares this program's memory meanwhile: see
    /// [`spawn_in_cgroup`](crate::task::SpawnTask::spawn_in_cgroup) for what a limit of memory does then.
    ///
    /// ```no_run
    /// use nearfar::process::Command;
    /// use std::fs::File;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let workers = File::open("/sys/fs/cgroup/workers")?;
    /// let worker = Command::new("worker").cgroup(workers).spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # References
    ///
    /// `CLONE_INTO_CGROUP` in [`clone3(2)`](https://man7.org/linux/man-pages/man2/clone.2.html)
    #[doc(alias = "CLONE_INTO_CGROUP")]
    pub fn cgroup(&mut self, directory: impl IntoHostFd) -> &mut Self {
        self.settings.cgroup = Some(directory.into_host_fd());
        self
    }

    /// Prepares the child before it becomes the program: a safe `pre_exec`.
    ///
    /// The closure runs in this process, each time that a program is spawned. It is handed the child, in
    /// an fd table of its own, and makes calls in it: limits, mounts, capabilities, anything that
    /// [`task`](crate::task) has. It may allocate, log, take locks, and fail with any error, which is the
    /// error of the spawn: an [`io::Error`] as it is, others inside of one. The child is gone then.
    ///
    /// An fd of this process means nothing in the child, and does not compile: open the file in the
    /// child, or give the fd to [`prepare_with`](Self::prepare_with). What the child opens here is closed
    /// before the program starts.
    ///
    /// A limit on open files, set here, holds for the steps that follow, too. The child itself cannot leave
    /// the closure.
    ///
    /// The child shares this program's memory. Two files of `/proc/self` are about that, and not about the child alone:
    /// what is written there to `oom_score_adj` or `coredump_filter` holds for this program as well.
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::process::Command;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let output = Command::new("sh")
    ///     .args(["-c", "umask; nice"])
    ///     .prepare(|child| {
    ///         child.umask(Mode::from(0o027))?;
    ///         child.setpriority(5)?;
    ///         Ok(())
    ///     })
    ///     .output()?;
    /// assert_eq!(output.stdout, b"0027\n5\n");
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "pre_exec")]
    #[doc(alias = "before_exec")]
    pub fn prepare<P>(&mut self, mut prepare: P) -> &mut Self
    where
        P: for<'id> FnMut(&ChildTask<'id>) -> Result<(), PrepareError> + Send + Sync + 'static,
    {
        let run: Box<Run> = Box::new(move |child, _| prepare(child));
        self.preparations.push(Preparation { fds: Vec::new(), run });
        self
    }

    /// [`prepare`](Self::prepare), with fds of this process that the child gets copies of.
    ///
    /// Copies for the preparation, not for the program. They are listed when the child's table is made,
    /// and the closure is handed what they are there.
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::process::Command;
    /// use std::fs::File;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let directory = File::open("/usr")?;
    /// let output = Command::new("pwd")
    ///     .env_remove("PWD")
    ///     .prepare_with([directory], |child, [directory]| {
    ///         child.fchdir(directory)?;
    ///         Ok(())
    ///     })
    ///     .output()?;
    /// assert_eq!(output.stdout, b"/usr\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prepare_with<P, const N: usize>(
        &mut self,
        fds: [impl IntoHostFd; N],
        mut prepare: P,
    ) -> &mut Self
    where
        P: for<'id, 'fd> FnMut(
                &ChildTask<'id>,
                [&'fd Fd<ChildFds<'id>>; N],
            ) -> Result<(), PrepareError>
            + Send
            + Sync
            + 'static,
    {
        let fds = fds.map(IntoHostFd::into_host_fd).into();
        let run: Box<Run> =
            Box::new(move |child, fds| prepare(child, std::array::from_fn(|index| &fds[index])));
        self.preparations.push(Preparation { fds, run });
        self
    }

    #[doc(hidden)]
    pub fn pre_exec<F: RunsInTheChild>(&mut self, _prepare: F) -> &mut Self {
        self
    }

    /// Starts the program. Standard streams that were not set are inherited.
    ///
    /// # Errors
    ///
    /// Of everything that was asked for, each named by its call; of `execve`: `ENOENT`, `EACCES`, ...;
    /// and what [`prepare`](Self::prepare) returns. There is no child then.
    pub fn spawn(&mut self) -> io::Result<Child> {
        spawn(self, Unnamed::Inherited, Group::Inherited)
    }

    /// Runs the program and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait`].
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Runs the program and collects what it writes. Standard output and error that were not set are pipes; standard
    /// input that was not set is `/dev/null`.
    ///
    /// It waits until nobody has the pipes any more, also if the program has ended: see
    /// [`output_within`](Self::output_within).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn) and [`Child::wait_with_output`].
    pub fn output(&mut self) -> io::Result<Output> {
        spawn(self, Unnamed::Captured, Group::Inherited)?.wait_with_output()
    }

    /// [`output`](Self::output), of `size` bytes at most, standard output and error together, and for no longer than
    /// `time`.
    ///
    /// At a limit, the program's whole process group is killed: a new one, unless the command, or what
    /// [`prepare`](Self::prepare) does, has said otherwise. What it wrote up to there is returned. Its
    /// standard input is closed, if it is piped. The time counts from when [`spawn`](Self::spawn) has returned.
    ///
    /// What has left the group, by `setsid` for example, lives on. Nothing does in a pid namespace of the program's
    /// own: [`unshare_pid`](Self::unshare_pid) and [`under_init`](Self::under_init). What another process traces has
    /// ended, also for this, only when its tracer has been told.
    ///
    /// ```
    /// use nearfar::process::{Command, CutOff};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let output = Command::new("yes").output_within(1000, Duration::from_secs(60))?;
    /// assert_eq!(output.cut_off, Some(CutOff::Size));
    /// assert_eq!(output.stdout.len(), 1000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`output`](Self::output). Then, too, the program and its group have been killed.
    pub fn output_within(&mut self, size: usize, time: Duration) -> io::Result<LimitedOutput> {
        output::within(spawn(self, Unnamed::Captured, Group::OwnByDefault)?, size, time)
    }

    /// What [`new`](Self::new) was given.
    #[must_use]
    pub fn get_program(&self) -> &OsStr {
        self.program.get_program()
    }

    /// The arguments, without the program's own name.
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.program.get_args()
    }

    /// What is changed in the environment: variables that are set, and those that are removed.
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.program.get_envs()
    }

    /// The working directory to start in, if one was said.
    #[must_use]
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.program.get_current_dir()
    }
}

impl From<Program> for Command {
    fn from(program: Program) -> Self {
        Command {
            program,
            fds: BTreeMap::new(),
            settings: Settings::default(),
            preparations: Vec::new(),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("fds", &self.fds)
            .field("settings", &self.settings)
            .field("preparations", &self.preparations.len())
            .finish()
    }
}
