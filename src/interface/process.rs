//! A child process, held by its pidfd.
//!
//! # Safety
//!
//! 1. Out-parameters are locals that outlive the call.
#![expect(unsafe_code, reason = "calls that rustix does not have, or not in this form")]

use std::ffi::c_int;
use std::fs;
use std::io;
use std::iter;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};

use super::{Call, Error, ErrorKind, Generation, offspring, poll_until};
use crate::brand::HostPids;
use crate::handle::{Exit, Usage};
use crate::near::Pid;

/// How long a drop waits at most for the end of a child that it has killed, or asked to exit.
pub(crate) const MOURNING: Duration = Duration::from_millis(200);

/// A child of this process: a pidfd in the host's table, close-on-exec and never 0, 1 or 2.
#[derive(Debug)]
pub(crate) struct Process {
    pidfd: OwnedFd,
    pid: Pid<HostPids>,
    made_by: Generation,
    parent: Parent,
    reaped: AtomicBool,
    /// Where it lives, if that is not this process's pid namespace.
    inside: OnceLock<Box<Inside>>,
    /// What was to be known of it, if it had to be reaped before anybody asked.
    ended: Mutex<Option<Ended>>,
}

/// Where a child lives in pid namespaces inside of this process's.
#[derive(Debug)]
struct Inside {
    /// The kernel's names of its own namespace, and of those around it. None, if that could not be told.
    namespaces: Vec<NamespaceName>,
    /// Whether its own one depends on it.
    is_init: bool,
}

/// What the kernel calls a namespace, as long as there is one: device and inode.
type NamespaceName = (u64, u64);

/// A child that has been reaped.
#[derive(Clone, Copy, Debug)]
struct Ended {
    exit: Exit,
    /// Whether it had become another program.
    has_execed: bool,
}

/// Who is told of the end of a process, and reaps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// This process.
    Us,
    /// A driven init, which ignores it: the kernel does.
    Init,
}

/// `PF_FORKNOEXEC` of `linux/sched.h`: cleared after the memory has been replaced.
const FORKED_NOT_EXECED: u32 = 0x40;

/// Which processes to wait for: those with any exit signal, or only those that have exec'd.
#[derive(Clone, Copy)]
enum Eligible {
    Every,
    /// A driven child has exit signal 0, which execve turns into SIGCHLD: only then does a wait
    /// without `__WALL` see it.
    AfterExec,
}

impl Process {
    /// Takes over the pidfd that the kernel has put at `number`.
    ///
    /// # Safety
    ///
    /// The slot is this process's own, just filled by `clone3` or `pidfd_getfd`.
    pub(super) unsafe fn from_pidfd(number: c_int, pid: c_int) -> Self {
        // SAFETY: by this function's contract.
        let pidfd = unsafe { OwnedFd::from_raw_fd(number) };
        let pid = Pid::asserted(pid).expect("the kernel returned a pid");
        Process::new(pidfd, pid, Parent::Us)
    }

    /// The same, of a process that was spawned in another pid namespace, where its pid is another.
    ///
    /// # Safety
    ///
    /// As [`from_pidfd`](Self::from_pidfd).
    pub(super) unsafe fn from_foreign_pidfd(number: c_int, parent: Parent) -> Result<Self, Error> {
        // SAFETY: by this function's contract.
        let pidfd = unsafe { OwnedFd::from_raw_fd(number) };
        let pid = pid_here(&pidfd).ok_or(Error::os(Call::IOCTL, Errno::SRCH))?;
        Ok(Process::new(pidfd, pid, parent))
    }

    fn new(pidfd: OwnedFd, pid: Pid<HostPids>, parent: Parent) -> Self {
        let (reaped, inside, ended) = (AtomicBool::new(false), OnceLock::new(), Mutex::new(None));
        Process { pidfd, pid, made_by: Generation::current(), parent, reaped, inside, ended }
    }

    /// Moves the pidfd out of the way of 0, 1 and 2, which a new table gets without being told.
    pub(super) fn move_above_stdio(&mut self) -> Result<(), Error> {
        if self.pidfd.as_raw_fd() <= 2 {
            self.pidfd = rustix::io::fcntl_dupfd_cloexec(&self.pidfd, 3)
                .map_err(|errno| Error::os(Call::FCNTL, errno))?;
        }
        Ok(())
    }

    pub(crate) fn pid(&self) -> Pid<HostPids> {
        self.pid
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Whether it is this process's child, and not that of the one this was forked from.
    pub(crate) fn is_ours(&self) -> bool {
        self.made_by.is_current()
    }

    pub(super) fn parent(&self) -> Parent {
        self.parent
    }

    pub(crate) fn is_reaped(&self) -> bool {
        self.reaped.load(Ordering::Acquire)
    }

    pub(crate) fn send_signal(&self, signal: Signal) -> Result<(), Error> {
        pidfd_send_signal(&self.pidfd, signal)
            .map_err(|errno| Error::os(Call::PIDFD_SEND_SIGNAL, errno))
    }

    /// Signals every process of the group that it leads.
    pub(crate) fn send_signal_to_group(&self, signal: Signal) -> Result<(), Error> {
        const PIDFD_SIGNAL_PROCESS_GROUP: u32 = 1 << 2;
        let pidfd = self.pidfd.as_raw_fd();
        let signal = signal.as_raw();
        // SAFETY: passes numbers, and no `siginfo`.
        let sent = unsafe {
            let no_info = ptr::null::<libc::siginfo_t>();
            let group = PIDFD_SIGNAL_PROCESS_GROUP;
            libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signal, no_info, group)
        };
        match Errno::from_io_error(&io::Error::last_os_error()) {
            _ if sent == 0 => Ok(()),
            // Linux before 6.9.
            Some(Errno::INVAL) => self.kill_group(signal),
            errno => Err(Error::os(Call::PIDFD_SEND_SIGNAL, errno.unwrap_or(Errno::INVAL))),
        }
    }

    /// Signals the group that it leads by its number, which is its own as long as nobody reaps it.
    fn kill_group(&self, signal: c_int) -> Result<(), Error> {
        let gone = Error::os(Call::KILL, Errno::SRCH);
        // Nobody here reaps it meanwhile but its owner, who is asking for this.
        let _ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let look = libc::WNOHANG | libc::WNOWAIT | libc::WEXITED | libc::__WALL;
        if self.is_reaped() || matches!(waitid_pidfd(self.pidfd.as_fd(), look), Err(Errno::CHILD)) {
            return Err(gone);
        }
        // SAFETY: passes numbers. The pid is above 1, so that this is one group only.
        match unsafe { libc::kill(-self.pid.as_raw(), signal) } {
            0 => Ok(()),
            _ => {
                let errno = Errno::from_io_error(&io::Error::last_os_error());
                Err(errno.map_or(gone, |errno| Error::os(Call::KILL, errno)))
            }
        }
    }

    /// Says that it lives in a pid namespace inside of this process's, and whether as the init of that.
    pub(super) fn lives_inside(self: &Arc<Self>, is_init: bool) {
        let own = self.namespace("pid").ok();
        let around = iter::successors(own, OpenNamespace::parent);
        let namespaces = around.map(|namespace| namespace.name()).collect();
        let _first = self.inside.set(Box::new(Inside { namespaces, is_init }));
        offspring::remember(self);
    }

    /// Whether it is the init of a pid namespace inside of this process's, whose end this process may have to help.
    pub(crate) fn is_init(&self) -> bool {
        self.inside.get().is_some_and(|inside| inside.is_init)
    }

    /// Whether the end of this one, an init, waits until the other has been reaped by this process: also if that
    /// cannot be told.
    pub(super) fn waits_for(&self, other: &Process) -> bool {
        let (Some(own), Some(others)) = (self.inside.get(), other.inside.get()) else {
            return false;
        };
        let is_there = || match own.namespaces.first() {
            Some(namespace) => {
                others.namespaces.is_empty() || others.namespaces.contains(namespace)
            }
            None => true,
        };
        let is_for_us = other.is_ours() && other.parent == Parent::Us && !other.is_reaped();
        own.is_init && !ptr::eq(self, other) && is_for_us && is_there()
    }

    /// Reaps those that the end of this one waits for, if it is an init that is ending.
    fn help_to_end(&self) {
        if !self.is_init() {
            return;
        }
        let waited_for = offspring::of(self);
        if !waited_for.is_empty() && self.is_ending() {
            waited_for.iter().for_each(|other| other.reap_early());
        }
    }

    /// Waits until it has ended, `None` without a limit. True if it has.
    ///
    /// Those are reaped meanwhile that the end of an init waits for.
    pub(crate) fn poll(&self, limit: Option<Duration>) -> Result<bool, Error> {
        const SOON: Duration = Duration::from_millis(2);
        const LATER: Duration = Duration::from_millis(50);
        if !self.is_init() {
            return self.ends_within(limit);
        }
        // A limit beyond what the clock can tell is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut period = SOON;
        while !self.ends_within(Some(Duration::ZERO))? {
            self.help_to_end();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match left {
                Some(left) if left <= period => return self.ends_within(Some(left)),
                _ if self.ends_within(Some(period))? => break,
                _ => period = LATER.min(2 * period),
            }
        }
        Ok(true)
    }

    fn ends_within(&self, limit: Option<Duration>) -> Result<bool, Error> {
        poll_pidfd(&self.pidfd, PollFlags::IN, limit)
    }

    /// Waits until it has ended and reaps it.
    pub(crate) fn wait(&self) -> Result<Exit, Error> {
        if self.is_init() {
            self.poll(None)?;
        }
        loop {
            match self.waitid(0, Eligible::Every) {
                // The pidfd is lent to others, who may have set `O_NONBLOCK`.
                Err(error) if error.errno() == Some(Errno::AGAIN) => {
                    self.poll(None)?;
                }
                exit => {
                    let exit = exit?;
                    return Ok(
                        exit.expect("a wait without WNOHANG returns when there is something")
                    );
                }
            }
        }
    }

    /// Reaps it if it has ended.
    pub(crate) fn try_wait(&self) -> Result<Option<Exit>, Error> {
        let exit = self.waitid(libc::WNOHANG, Eligible::Every)?;
        if exit.is_none() {
            self.help_to_end();
        }
        Ok(exit)
    }

    /// Whether it has ended, or is about to and can do nothing else any more: an init waits for the
    /// others in its namespace to be reaped.
    pub(crate) fn is_ending(&self) -> bool {
        /// `PF_EXITING` of `linux/sched.h`.
        const EXITING: u32 = 4;
        self.has_ended() || self.flags().is_some_and(|flags| flags & EXITING != 0)
    }

    /// Whether this process's memory is not its own any more, as it has become another program or has
    /// ended; `None` if the kernel does not tell.
    pub(super) fn has_left_memory(&self) -> Option<bool> {
        // In this order: at its end, the flags go first.
        let flags = self.flags();
        if self.has_ended() {
            return Some(true);
        }
        flags.map(|flags| flags & FORKED_NOT_EXECED == 0)
    }

    /// Whether `setresuid` or `setresgid`, with three times this id, would leave it the ids it has.
    pub(super) fn has_these_ids(&self, call: Call, id: usize) -> bool {
        let (field, map) = match call {
            Call::SETRESUID => ("Uid:", "uid_map"),
            Call::SETRESGID => ("Gid:", "gid_map"),
            _ => return false,
        };
        self.ids_here(field).is_some_and(|ids| {
            let id_here = self.id_here(map, id as u64);
            ids.iter().all(|current| Some(*current) == id_here)
        })
    }

    /// Its real, effective, saved and file system ids, as this process's user namespace has them.
    fn ids_here(&self, field: &str) -> Option<Vec<u64>> {
        let status = fs::read_to_string(self.in_proc("status")?).ok()?;
        let ids = status.lines().find_map(|line| line.strip_prefix(field))?;
        ids.split_whitespace().map(|id| id.parse().ok()).collect()
    }

    /// What an id of its user namespace is in this process's.
    fn id_here(&self, map: &str, id: u64) -> Option<u64> {
        let theirs = fs::read_link(self.in_proc("ns/user")?).ok()?;
        if theirs == fs::read_link("/proc/thread-self/ns/user").ok()? {
            return Some(id);
        }
        let map = fs::read_to_string(self.in_proc(map)?).ok()?;
        map.lines().find_map(|line| {
            let mut numbers = line.split_whitespace().map(|number| number.parse::<u64>().ok());
            let mut next = || numbers.next().flatten();
            let (inside, outside, count) = (next()?, next()?, next()?);
            (inside..inside + count).contains(&id).then(|| outside + (id - inside))
        })
    }

    /// The namespace of a kind that it is in, or that its children will be in: open, so that no other one
    /// is the same, and as it can be compared.
    pub(crate) fn namespace(&self, kind: &str) -> Result<OpenNamespace, Errno> {
        let path = self.in_proc(&format!("ns/{kind}")).ok_or(Errno::SRCH)?;
        let namespace = OpenNamespace::of(&path)?;
        // It was still there, so that the path was its own.
        let again = self.in_proc(&format!("ns/{kind}"));
        if again == Some(path) { Ok(namespace) } else { Err(Errno::SRCH) }
    }

    /// The pid that it has in its own pid namespace.
    pub(crate) fn own_pid(&self) -> Result<c_int, Errno> {
        own_pid(&self.in_proc("status").ok_or(Errno::SRCH)?)
    }

    /// The path of a file about it.
    fn in_proc(&self, file: &str) -> Option<String> {
        Some(format!("/proc/{}/{file}", number_in_proc(&self.pidfd)?))
    }

    fn has_ended(&self) -> bool {
        self.is_reaped() || self.ends_within(Some(Duration::ZERO)).unwrap_or(false)
    }

    /// The kernel's flags of it, the ninth field of `proc_pid_stat(5)`.
    fn flags(&self) -> Option<u32> {
        let number = number_in_proc(&self.pidfd)?;
        let stat = fs::read_to_string(self.in_proc("stat")?).ok()?;
        let after_name = stat.rsplit(')').next()?;
        let flags = after_name.split_whitespace().nth(6)?.parse().ok()?;
        // It was still there, so that the number was its own.
        (number_in_proc(&self.pidfd)? == number).then_some(flags)
    }

    /// Reaps it if it has ended, whatever that was like. False if it has not.
    pub(crate) fn reap_if_ended(&self) -> bool {
        if self.parent == Parent::Init {
            let ended = self.ends_within(Some(Duration::ZERO)).unwrap_or(false);
            self.reaped.fetch_or(ended, Ordering::Release);
            return ended;
        }
        let options = libc::WNOHANG | libc::WEXITED | libc::__WALL;
        let ended =
            matches!(waitid_pidfd(self.pidfd.as_fd(), options), Ok(Some(_)) | Err(Errno::CHILD));
        if ended {
            self.reaped.store(true, Ordering::Release);
        }
        ended
    }

    /// Reaps it if it has ended, before anybody has asked for it: how it ended is kept.
    fn reap_early(&self) {
        // Whoever is told that it has been reaped finds here what it was.
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let look = |eligible| self.waitid(libc::WNOHANG | libc::WNOWAIT, eligible);
        let has_execed = look(Eligible::AfterExec).is_ok();
        if let Ok(Some(exit)) = look(Eligible::Every) {
            self.reap_if_ended();
            *ended = Some(Ended { exit, has_execed });
        }
    }

    /// What it was, if it has been reaped early.
    fn reaped_early(&self) -> Option<Ended> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has become another program, whatever has happened to that program since. Asked when it has
    /// left this process's memory by that, or by its end, and whether its server has given up before.
    pub(super) fn has_execed(&self, has_given_up: bool) -> Result<bool, Error> {
        if self.parent == Parent::Init {
            return Ok(!has_given_up && self.has_execed_as_far_as_known()?);
        }
        let visible = |eligible| match self.waitid(libc::WNOHANG | libc::WNOWAIT, eligible) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::StatusLost => Ok(false),
            Err(error) => Err(error),
        };
        if visible(Eligible::AfterExec)? {
            return Ok(true);
        }
        // If it is not even there for a wait that sees every child, somebody else was quick to reap
        // it, which their wait for ordinary children could only after exec.
        Ok(!visible(Eligible::Every)? && self.reaped_early().is_none_or(|ended| ended.has_execed))
    }

    /// The same of a child that the kernel reaps, and whose server has not given up. If it has ended by now, a
    /// signal may have killed it before; else it was a program that has exited.
    fn has_execed_as_far_as_known(&self) -> Result<bool, Error> {
        const MOMENT: Duration = Duration::from_millis(1);
        let deadline = Instant::now() + MOURNING;
        loop {
            match self.flags() {
                Some(flags) if flags & FORKED_NOT_EXECED == 0 => return Ok(true),
                // It is on its way, to one or the other.
                Some(_) => {}
                // Without a procfs that shows it: ending does not take that long.
                None if Instant::now() > deadline => return Ok(true),
                None => {}
            }
            if self.ends_within(Some(MOMENT))? {
                return Ok(exit_of_reaped(&self.pidfd).is_some_and(|exit| exit.code().is_some()));
            }
        }
    }

    fn waitid(&self, options: c_int, eligible: Eligible) -> Result<Option<Exit>, Error> {
        if self.parent == Parent::Init {
            let limit = (options & libc::WNOHANG != 0).then_some(Duration::ZERO);
            return self.ends_within(limit)?.then(|| self.exit_without_wait()).transpose();
        }
        let options = options
            | libc::WEXITED
            | match eligible {
                Eligible::Every => libc::__WALL,
                Eligible::AfterExec => 0,
            };
        match waitid_pidfd(self.pidfd.as_fd(), options) {
            Ok(exit) => {
                if exit.is_some() && options & libc::WNOWAIT == 0 {
                    self.reaped.store(true, Ordering::Release);
                }
                Ok(exit)
            }
            Err(Errno::CHILD) if options & libc::WNOWAIT == 0 => self.exit_without_wait().map(Some),
            Err(Errno::CHILD) => Err(Error::new(Call::WAITID, ErrorKind::StatusLost)),
            Err(errno) => Err(Error::os(Call::WAITID, errno)),
        }
    }

    /// How it ended, if somebody else has reaped it.
    fn exit_without_wait(&self) -> Result<Exit, Error> {
        self.reaped.store(true, Ordering::Release);
        if let Some(ended) = self.reaped_early() {
            return Ok(ended.exit);
        }
        exit_of_reaped(&self.pidfd).ok_or(Error::new(Call::WAITID, ErrorKind::StatusLost))
    }
}

/// A namespace of the kernel's.
pub(crate) struct OpenNamespace {
    file: fs::File,
    device: u64,
    inode: u64,
}

impl OpenNamespace {
    /// That of a file in `/proc/PID/ns`.
    pub(crate) fn of(path: &str) -> Result<Self, Errno> {
        OpenNamespace::from_file(fs::File::open(path).map_err(|error| reason(&error))?)
    }

    fn from_file(mut file: fs::File) -> Result<Self, Errno> {
        if file.as_raw_fd() <= 2 {
            // These a new table gets without being told.
            file = rustix::io::fcntl_dupfd_cloexec(&file, 3)?.into();
        }
        let metadata = file.metadata().map_err(|error| reason(&error))?;
        Ok(OpenNamespace { device: metadata.dev(), inode: metadata.ino(), file })
    }

    fn name(&self) -> NamespaceName {
        (self.device, self.inode)
    }

    /// The one around it, if this process may know.
    fn parent(&self) -> Option<Self> {
        const NS_GET_PARENT: libc::Ioctl = rustix::ioctl::opcode::none(0xB7, 2) as libc::Ioctl;
        // SAFETY: takes no argument, and makes a new fd.
        let number = unsafe { libc::ioctl(self.file.as_raw_fd(), NS_GET_PARENT) };
        // SAFETY: the fd is new, and nobody else's.
        let parent = (number >= 0).then(|| unsafe { OwnedFd::from_raw_fd(number) })?;
        OpenNamespace::from_file(parent.into()).ok()
    }

    /// That of the calling thread.
    pub(crate) fn of_this_thread(kind: &str) -> Result<Self, Errno> {
        OpenNamespace::of(&format!("/proc/thread-self/ns/{kind}"))
    }
}

/// The pid that a process has in its own pid namespace, as the last field of its `status` says.
pub(crate) fn own_pid(status: &str) -> Result<c_int, Errno> {
    let status = fs::read_to_string(status).map_err(|error| reason(&error))?;
    let pids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    // Without pid namespaces, the kernel has no such line.
    let own = pids.and_then(|pids| pids.split_whitespace().last()?.parse().ok());
    own.ok_or(Errno::OPNOTSUPP)
}

fn reason(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

impl PartialEq for OpenNamespace {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// Waits for events of a pidfd, `None` without a limit. True if there are any.
fn poll_pidfd(pidfd: &OwnedFd, events: PollFlags, limit: Option<Duration>) -> Result<bool, Error> {
    // A limit beyond what the clock can tell is none.
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let ready = poll_until(&mut [PollFd::new(pidfd, events)], deadline);
    ready.map(|ready| ready > 0).map_err(|errno| Error::os(Call::PPOLL, errno))
}

/// `waitid(P_PIDFD)` with the resource usage, which libc's wrapper leaves out.
fn waitid_pidfd(pidfd: BorrowedFd<'_>, options: c_int) -> Result<Option<Exit>, Errno> {
    // SAFETY: zeroes are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: zeroes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { MaybeUninit::zeroed().assume_init() };
    loop {
        // SAFETY: (1)
        let answer = unsafe {
            libc::syscall(
                libc::SYS_waitid,
                libc::P_PIDFD,
                pidfd.as_raw_fd(),
                &raw mut info,
                options,
                &raw mut usage,
            )
        };
        match io::Error::last_os_error().raw_os_error() {
            _ if answer == 0 => break,
            Some(libc::EINTR) => {}
            errno => return Err(Errno::from_raw_os_error(errno.unwrap_or(libc::EINVAL))),
        }
    }
    if info.si_signo == 0 {
        return Ok(None);
    }
    // SAFETY: the kernel has filled it in for a child.
    let status = unsafe { info.si_status() };
    Ok(Some(Exit::from_siginfo(info.si_code, status, Usage::new(usage))))
}

/// How a process ended that somebody else has reaped: Linux 6.15 and later remember it for as long
/// as there is a pidfd.
fn exit_of_reaped(pidfd: &OwnedFd) -> Option<Exit> {
    pidfd_exit(pidfd).or_else(|| {
        // Whoever reaps it has it vanish first, and its status remembered a moment later: then the
        // pidfd hangs up. Where much else is going on, it may take some moments to vanish.
        const MOMENT: Duration = Duration::from_millis(20);
        const MOST_MOMENTS: u32 = 50;
        let is_over = |_: &u32| {
            let hung_up = poll_pidfd(pidfd, PollFlags::empty(), Some(MOMENT)).unwrap_or(true);
            hung_up || number_in_proc(pidfd).is_none()
        };
        let _moment = (0..MOST_MOMENTS).find(is_over);
        pidfd_exit(pidfd)
    })
}

/// What `/proc` calls a process: the pid namespace of the mounted procfs counts, which may be another
/// one than this process's.
fn number_in_proc(pidfd: &OwnedFd) -> Option<c_int> {
    let path = format!("/proc/thread-self/fdinfo/{}", pidfd.as_raw_fd());
    let info = fs::read_to_string(path).ok()?;
    let number = info.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    number.trim().parse().ok().filter(|number| *number > 0)
}

/// The pid that a process has in this process's pid namespace.
fn pid_here(pidfd: &OwnedFd) -> Option<Pid<HostPids>> {
    // Linux since 6.13.
    let told = pidfd_info(pidfd, 0).map(|info| info.ids[0] as c_int);
    Pid::asserted(told.or_else(|| number_in_proc(pidfd))?)
}

/// How a process ended that has been reaped: Linux since 6.15.
fn pidfd_exit(pidfd: &OwnedFd) -> Option<Exit> {
    const PIDFD_INFO_EXIT: u64 = 1 << 3;
    let info = pidfd_info(pidfd, PIDFD_INFO_EXIT)?;
    (info.mask & PIDFD_INFO_EXIT != 0).then(|| Exit::from_wait_status(info.exit_code, None))
}

/// `struct pidfd_info` of `pidfd.h`, up to the member that was added with the exit code.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    /// First of all, the pid.
    ids: [u32; 11],
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64);

/// `ioctl(pidfd, PIDFD_GET_INFO)`
fn pidfd_info(pidfd: &OwnedFd, mask: u64) -> Option<PidfdInfo> {
    const PIDFD_GET_INFO: libc::Ioctl =
        rustix::ioctl::opcode::read_write::<PidfdInfo>(0xFF, 11) as libc::Ioctl;
    let mut info = PidfdInfo { mask, ..PidfdInfo::default() };
    // SAFETY: (1)
    let answer = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    (answer == 0).then_some(info)
}
