//! What the tests ask the kernel, and a deadline for those that could hang.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses its own part")]
#![allow(unsafe_code, reason = "kcmp has no safe wrapper")]

pub(crate) mod calls;
pub(crate) mod memory;
pub(crate) mod sandbox;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nearfar::near::Pid;
use nearfar::prelude::*;

/// How long anything in a test may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Says that something is not tested, and why: to whoever runs the tests, and where `NEARFAR_SKIPPED` says.
pub(crate) fn skip(reason: &str) {
    eprintln!("SKIPPED: {reason}");
    if let Some(list) = std::env::var_os("NEARFAR_SKIPPED") {
        let list = fs::File::options().append(true).open(list);
        let _whoever_may = list.and_then(|mut list| writeln!(list, "SKIPPED {reason}"));
    }
}

/// Runs a test, and ends this process, and with it every driven child, if it does not finish.
pub(crate) fn deadline(test: impl FnOnce()) {
    let (finished, watched) = channel::<()>();
    let watchdog = thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = watched.recv_timeout(LIMIT) {
            eprintln!("the test did not finish within {LIMIT:?}");
            std::process::abort();
        }
    });
    test();
    drop(finished);
    watchdog.join().expect("the watchdog does not panic");
}

/// Runs `body` in a forked copy of this process, and waits until it has ended.
pub(crate) fn in_a_forked_copy(body: impl FnOnce()) {
    // SAFETY: the copy has one thread, which allocates nothing that another may have locked: the test is the
    // only one of its process.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err();
        // SAFETY: ends the copy without running what the original still has to run.
        unsafe { libc::_exit(i32::from(panicked)) };
    }
    let mut status = 0;
    // SAFETY: the status is a local.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0, "the copy's checks failed");
}

/// What a copy of this process has, which never drops the original: it ends by `_exit`.
pub(crate) fn duplicate<T>(value: &T) -> T {
    // SAFETY: only one of the two is dropped.
    unsafe { std::ptr::read(value) }
}

/// Copies a file that can be executed. Another process does: what a test beside starts in that moment would hold
/// this one's copy open for writing, and it could not be executed yet (`ETXTBSY`).
#[track_caller]
pub(crate) fn copy_program(from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) {
    assert!(Command::new("install").arg(from).arg(to).status().unwrap().success());
}

/// A copy of a program for everybody to execute: it may lie where only its owner comes.
pub(crate) struct ForEverybody(PathBuf);

impl ForEverybody {
    #[track_caller]
    pub(crate) fn copied(program: impl AsRef<OsStr>) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("nearfar-copy-{}-{number}", std::process::id());
        let copy = ForEverybody(std::env::temp_dir().join(name));
        copy_program(program, &copy.0);
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ForEverybody {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("it is ours");
    }
}

/// Waits for a state of the kernel that nothing announces.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {LIMIT:?}: {what}");
        thread::yield_now();
    }
}

/// What `/proc` shows of an fd table: number and target.
pub(crate) fn fds(pid: impl ToPid) -> BTreeMap<i32, PathBuf> {
    let entries = fs::read_dir(format!("/proc/{}/fd", pid.to_pid())).expect("the process exists");
    entries
        .filter_map(|entry| {
            let path = entry.expect("procfs can be read").path();
            let number = path.file_name()?.to_str()?.parse().ok()?;
            // The directory's own fd is gone by the time it is looked at.
            Some((number, fs::read_link(&path).ok()?))
        })
        .collect()
}

/// The numbers in an fd table.
pub(crate) fn numbers(pid: impl ToPid) -> Vec<i32> {
    fds(pid).into_keys().collect()
}

/// The threads of this process.
pub(crate) fn threads() -> BTreeSet<i32> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect()
}

/// The one-letter state of a process; `None` if there is none.
pub(crate) fn state(pid: impl ToPid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.to_pid())).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// Whether the process is not even a zombie.
pub(crate) fn is_gone(pid: impl ToPid) -> bool {
    state(pid).is_none()
}

/// Whether the process neither runs nor ever will.
pub(crate) fn is_dead(pid: impl ToPid) -> bool {
    matches!(state(pid), None | Some('Z' | 'X'))
}

/// Waits until the process is blocked in the syscall with this number.
#[track_caller]
pub(crate) fn until_blocked_in(pid: impl ToPid, number: i64) {
    let path = format!("/proc/{}/syscall", pid.to_pid());
    let start = format!("{number} ");
    until("blocked in the call", || {
        fs::read_to_string(&path).is_ok_and(|line| line.starts_with(&start))
    });
}

/// Waits until a thread or a driven task sleeps on the word: an idle one sleeps on another.
#[track_caller]
pub(crate) fn until_it_sleeps_on(word: &AtomicU32, thread: impl std::fmt::Display) {
    let path = format!("/proc/{thread}/syscall");
    let start = format!("{} {word:p} ", libc::SYS_futex);
    until("asleep", || fs::read_to_string(&path).is_ok_and(|line| line.starts_with(&start)));
}

/// Stops a process by SIGSTOP, and waits until it is.
#[track_caller]
pub(crate) fn stop(pid: Pid<HostPids>) {
    let here = Task::here();
    let pidfd = here.pidfd_open(pid).expect("the process exists");
    here.pidfd_send_signal(&pidfd, Signal::STOP).expect("it may be signalled");
    until("stopped", || state(pid) == Some('T'));
}

/// The children of this process that are zombies.
pub(crate) fn zombies() -> Vec<i32> {
    let me = std::process::id().to_string();
    let processes = fs::read_dir("/proc").expect("procfs is mounted");
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            fields.next() == Some("Z") && fields.next() == Some(&me)
        })
        .collect()
}

/// What two processes may share.
#[derive(Clone, Copy)]
pub(crate) enum Resource {
    Memory = 1,
    Files = 2,
    Directories = 3,
}

/// Asks `kcmp(2)` whether two processes share a resource.
pub(crate) fn share(resource: Resource, a: impl ToPid, b: impl ToPid) -> bool {
    kcmp(a.to_pid(), b.to_pid(), resource as i32, 0, 0)
}

/// Asks `kcmp(2)` whether two slots are of the same open file.
pub(crate) fn same_open_file(a: (impl ToPid, i32), b: (impl ToPid, i32)) -> bool {
    const KCMP_FILE: i32 = 0;
    kcmp(a.0.to_pid(), b.0.to_pid(), KCMP_FILE, a.1, b.1)
}

fn kcmp(a: i32, b: i32, kind: i32, first: i32, second: i32) -> bool {
    // SAFETY: passes numbers only.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, a, b, kind, first, second) };
    assert!(order >= 0, "kcmp: {}", std::io::Error::last_os_error());
    order == 0
}

/// Anything that names a process of this pid namespace.
pub(crate) trait ToPid: Copy {
    fn to_pid(self) -> i32;
}

impl ToPid for i32 {
    fn to_pid(self) -> i32 {
        self
    }
}

impl ToPid for u32 {
    fn to_pid(self) -> i32 {
        self as i32
    }
}

impl ToPid for Pid<nearfar::HostPids> {
    fn to_pid(self) -> i32 {
        self.as_raw()
    }
}

/// This program again, running only the ignored test `role`: a host that can be killed.
pub(crate) fn another_host(role: &str) -> Command {
    host_of(&this_program(), role)
}

/// This program.
pub(crate) fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program has a path")
}

/// [`another_host`] of a copy of this program.
pub(crate) fn host_of(program: &Path, role: &str) -> Command {
    let mut command = Command::new(program);
    command.args([role, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// Runs such a host, which has to end well.
#[track_caller]
pub(crate) fn passes(role: &str) {
    deadline(|| {
        let output = another_host(role).output().expect("this program can be run");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), None, "{text}{errors}");
        assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
    });
}

/// A line of `/proc/PROCESS/status`.
#[track_caller]
pub(crate) fn status(process: impl std::fmt::Display, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it exists");
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {field} in {status}")).trim().to_owned()
}

/// A field of `/proc/PID/stat`, numbered from 1 as in `proc_pid_stat(5)`; from 3 on.
#[track_caller]
pub(crate) fn stat(process: impl std::fmt::Display, field: usize) -> i64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it exists");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let value = after_name.split_whitespace().nth(field - 3).expect("there is such a field");
    value.parse().expect("a number")
}

/// The tests that call `check` on the calling thread, on a driven child that shares its fd table, and on one
/// that has a table of its own.
macro_rules! checked_in_this_memory {
    () => {
        #[test]
        fn local() {
            common::deadline(|| check(&Task::here()));
        }

        #[test]
        fn child() {
            common::deadline(|| check(&Task::here().spawn().unwrap()));
        }

        #[test]
        fn child_in_a_table_of_its_own() {
            common::deadline(|| {
                brand!(private_fds);
                let child = Task::here().spawn().unwrap();
                check(&child.unshare_files(private_fds, ()).unwrap().0);
            });
        }
    };
}
pub(crate) use checked_in_this_memory;

/// Runs test bodies on the calling thread, on a driven child that shares its fd table, and on one that
/// has a table of its own.
macro_rules! on_all {
    ($(fn $name:ident($task:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check<K: far::InHostMemory>($task: &K) {
                $body
            }

            common::checked_in_this_memory!();
        }
    )+};
}
pub(crate) use on_all;

/// As [`on_all`], and on one that has a memory of its own.
macro_rules! on_every {
    ($(fn $name:ident($task:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check<K: far::Task>($task: &K) {
                $body
            }

            common::checked_in_this_memory!();

            #[test]
            fn forked_child() {
                common::deadline(|| {
                    brand!(child_memory, child_fds);
                    check(&Task::here().fork(child_memory, child_fds, ()).unwrap().0);
                });
            }
        }
    )+};
}
pub(crate) use on_every;

/// An empty directory on a disk, which is removed when this is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).expect("the directory for the tests' files can be written");
        Scratch(path)
    }

    /// The path of something in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// It, opened by a task.
    pub(crate) fn open<K: far::Task>(&self, task: &K) -> Fd<K::FdTable> {
        task.openat(Cwd, &self.0, OFlags::DIRECTORY, Mode::empty()).expect("it is there")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("it is ours");
    }
}

/// What a fd of a task is open on, as `/proc` says.
#[track_caller]
pub(crate) fn target<K: far::Task>(task: &K, fd: &Fd<K::FdTable>) -> PathBuf {
    let process = task.getpid().expect("it lives").as_raw();
    fs::read_link(format!("/proc/{process}/fd/{}", fd.near().as_raw())).expect("it is open")
}

/// Whether a fd of a task is close-on-exec, as `/proc` says.
#[track_caller]
pub(crate) fn is_close_on_exec<K: far::Task>(task: &K, fd: &Fd<K::FdTable>) -> bool {
    let process = task.getpid().expect("it lives").as_raw();
    let path = format!("/proc/{process}/fdinfo/{}", fd.near().as_raw());
    let info = fs::read_to_string(path).expect("it is open");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("has flags");
    let flags = u32::from_str_radix(flags.trim(), 8).expect("octal");
    OFlags::from_bits_retain(flags).contains(OFlags::CLOEXEC)
}

/// What `/proc` tells of the open file behind an fd, line by line.
#[track_caller]
pub(crate) fn fdinfo(process: impl ToPid, fd: i32) -> String {
    let path = format!("/proc/{}/fdinfo/{fd}", process.to_pid());
    fs::read_to_string(path).expect("the fd is open")
}

/// The first field of `/proc/PID/fdinfo/FD` with this name.
#[track_caller]
pub(crate) fn fdinfo_field(process: impl ToPid, fd: i32, field: &str) -> String {
    let info = fdinfo(process, fd);
    let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {field} in {info}")).trim().to_owned()
}

/// Whether an fd is closed by an exec, as `/proc` tells.
#[track_caller]
pub(crate) fn number_is_close_on_exec(process: impl ToPid, fd: i32) -> bool {
    let flags = fdinfo_field(process, fd, "flags");
    let flags = i32::from_str_radix(&flags, 8).expect("flags are octal");
    flags & libc::O_CLOEXEC != 0
}

/// Which namespace of a kind a process is in.
pub(crate) fn namespace(pid: impl ToPid, kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/{}/ns/{kind}", pid.to_pid())).expect("the process exists")
}

/// Which namespace of a kind the calling thread is in.
pub(crate) fn own_namespace(kind: &str) -> PathBuf {
    fs::read_link(format!("/proc/thread-self/ns/{kind}")).expect("procfs is mounted")
}

/// Has user and group 0 of a process's new user namespace be this program's.
pub(crate) fn map_root(pid: impl ToPid) {
    let file = |name: &str| format!("/proc/{}/{name}", pid.to_pid());
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    fs::write(file("setgroups"), "deny").expect("the namespace is ours");
    fs::write(file("uid_map"), format!("0 {user} 1")).expect("nobody is mapped yet");
    fs::write(file("gid_map"), format!("0 {group} 1")).expect("nobody is mapped yet");
}

/// A program that goes on until the handle is dropped.
pub(crate) fn sleeping(task: impl DrivenTask) -> ChildProcess {
    let sleep = Program::new("sleep").arg("1000");
    task.program(&sleep).exec().expect("there is such a program").kill_on_drop(true)
}

/// A new cgroup, removed when it is dropped.
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// In the first hierarchy of version 2 that is mounted. Else there is nothing to test.
    pub(crate) fn new(name: &str) -> Option<(Self, PathBuf)> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let Some(mount) = mounts.lines().find(|line| line.contains(" - cgroup2 ")) else {
            skip("needs a mounted cgroup2");
            return None;
        };
        let mount = Path::new(mount.split(' ').nth(4)?);
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?.to_owned();
        let path = Path::new("/").join(own).join(format!("{name}-{}", std::process::id()));
        let directory = mount.join(path.strip_prefix("/").ok()?);
        fs::create_dir(&directory).expect("needs to be root");
        Some((Cgroup(directory), path))
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    /// That of a process, as `/proc` tells it.
    pub(crate) fn of(process: impl Display) -> PathBuf {
        let text = fs::read_to_string(format!("/proc/{process}/cgroup")).expect("it is there");
        PathBuf::from(text.lines().find_map(|line| line.strip_prefix("0::")).expect("it is told"))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Whoever was in it may not have left at once.
        until("removed", || fs::remove_dir(&self.0).is_ok());
    }
}
