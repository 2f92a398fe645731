//! What lies at `/proc` and is not the kernel's tells nothing. Each host is a process of its own, in a root directory in
//! which somebody has put files there.

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use common::{Scratch, another_host, deadline, passes, zombies};
use nearfar::prelude::*;
use nearfar::process::Command;
use nearfar::rustix::fs::{CWD, FileType, mknodat};
use nearfar::rustix::process::umask;
use nearfar::task::{TimeOffsets, Truth, Verdict};
use nearfar::{Dynamic, Error, ErrorKind, IdMap, SeccompFilter, far};

type DynamicTask = nearfar::Task<Dynamic, Dynamic, Dynamic>;

/// The root directory of this process, until it is dropped. There, each fd is a pidfd of process 5, which is ending.
struct FalseRoot {
    before: Fd<HostFds>,
    _scratch: Scratch,
}

impl FalseRoot {
    fn enter() -> Self {
        let here = Task::here();
        let before = here.openat(Cwd, "/", OFlags::DIRECTORY, Mode::empty()).unwrap();
        // Also for who becomes somebody else.
        umask(Mode::WGRP | Mode::WOTH);
        let scratch = Scratch::new();
        fs::create_dir(scratch.join("proc")).unwrap();
        here.chroot(scratch.join("")).unwrap();
        let root = FalseRoot { before, _scratch: scratch };
        let own = std::process::id().to_string();
        symlink(&own, "/proc/self").unwrap();
        for fd in 0..64 {
            root.put(&format!("thread-self/fdinfo/{fd}"), "Pid:\t5\n");
        }
        for process in ["5", &own, "thread-self"] {
            for file in ["ns/pid", "ns/pid_for_children", "mem", "maps"] {
                root.put(&format!("{process}/{file}"), "something");
            }
            root.put(&format!("{process}/status"), "NSpid:\t5\n");
            // Each field is `PF_EXITING`, so that the flags are.
            root.put(&format!("{process}/stat"), &format!("5 (five) S{}\n", " 4".repeat(49)));
        }
        root
    }

    fn path(&self, file: &str) -> PathBuf {
        PathBuf::from("/proc").join(file)
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

impl Drop for FalseRoot {
    fn drop(&mut self) {
        let here = Task::here();
        here.fchdir(&self.before).unwrap();
        here.chroot(".").unwrap();
    }
}

fn child() -> DynamicTask {
    Task::here().spawn().unwrap().erase()
}

/// As [`passes`], on a kernel of which pidfds tell nothing, as before Linux 6.11.
#[track_caller]
fn passes_without_pidfds(role: &str) {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::ENOTTY as u32;
    let filter = SeccompFilter::new([
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ, 0, 1, libc::SYS_ioctl as u32),
        step(libc::BPF_RET, 0, 0, refused),
        step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
    let (host, filter) = (another_host(role), filter.unwrap());
    deadline(|| {
        let mut command = Command::new(host.get_program());
        command.args(host.get_args()).prepare(move |child| Ok(child.seccomp_on_exec(&filter)?));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(output.status.success() && said[0].contains("1 passed"), "{}", said.concat());
    });
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_joins_namespaces() {
    let here = Task::here();
    brand!(first_pids, second_pids, third_pids);
    let first = here.spawn_with_pids(first_pids).unwrap();
    let second = here.spawn_with_pids(second_pids).unwrap();
    let [first, second] =
        [first.host_pid(), second.host_pid()].map(|init| here.pidfd_open(init).unwrap().erase());
    let mut tasks = [child(), child(), child()];
    let root = FalseRoot::enter();
    let third = here.spawn_with_pids(third_pids).unwrap();
    tasks[0].setns_pid_in_place(&first).unwrap();
    tasks[1].setns_pid_in_place(&second).unwrap();
    // What was told of the third one is what is told of this.
    fs::rename(root.path("5/ns/pid"), root.path("5/ns/pid_for_children")).unwrap();
    root.put("5/ns/pid", "something");
    tasks[2].setns_pid_in_place(&first).unwrap();

    // Which ones they are cannot be told, so nobody knows them.
    let [one, other, another] = tasks.each_ref().map(far::Task::child_pid_namespace);
    assert_ne!(one, other);
    assert_ne!(*another, *third.pid_namespace());
    assert_ne!(*one, *here.pid_namespace());
}

#[test]
fn a_namespace_that_is_joined_is_not_told_by_what_lies_there() {
    passes("host_that_joins_namespaces");
    passes_without_pidfds("host_that_joins_namespaces");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_joins_one_with_a_driven_task() {
    let here = Task::here();
    brand!(inner_pids, joined_pids);
    let init = here.spawn_with_pids(inner_pids).unwrap();
    let pidfd = here.pidfd_open(init.host_pid()).unwrap();
    let _root = FalseRoot::enter();
    let task = here.spawn().unwrap().setns_pid(joined_pids, &pidfd).unwrap();
    // It may be any one, so also this, where a program could look into the other task.
    let error = task.spawn().unwrap().program(&Program::new("true")).exec().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemoryExposed);
}

#[test]
fn a_program_that_may_see_a_driven_task_is_refused() {
    passes("host_that_joins_one_with_a_driven_task");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_spawns_in_another_namespace() {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids).unwrap();
    let root = FalseRoot::enter();
    let error = init.spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("ioctl", Some(Errno::SRCH)));
    drop(root);
    drop(init.spawn().unwrap());
    drop(init);
    assert_eq!(zombies(), []);
}

#[test]
fn a_process_has_no_number_that_lies_there() {
    passes_without_pidfds("host_that_spawns_in_another_namespace");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_writes_and_reads_there() {
    let here = Task::here();
    let mapped = here.spawn().unwrap();
    mapped.unshare(Namespaces::USER).unwrap();
    let root = FalseRoot::enter();
    let is_missing = |error: Error| {
        assert_eq!((error.call().name(), error.errno()), ("openat", Some(Errno::NOENT)));
    };

    let map = format!("{}/uid_map", mapped.host_pid().as_raw());
    root.put(&map, "");
    is_missing(here.write_uid_map(&mapped, &[IdMap::own_uid_as(0)]).unwrap_err());
    assert_eq!(fs::read(root.path(&map)).unwrap(), b"");

    let child = here.spawn().unwrap();
    child.unshare(Namespaces::TIME).unwrap();
    let clocks = "self/timens_offsets";
    let said = "monotonic 1 0\nboottime 1 0\n";
    root.put(clocks, said);
    let day = Timespec { tv_sec: 24 * 60 * 60, tv_nsec: 0 };
    let later = TimeOffsets { monotonic: day, boottime: day };
    is_missing(child.set_time_offsets(later).unwrap_err());
    is_missing(child.time_offsets().unwrap_err());
    assert_eq!(fs::read_to_string(root.path(clocks)).unwrap(), said);

    brand!(memory);
    let pidfd = here.pidfd_open(child.host_pid()).unwrap();
    is_missing(ProcessMemory::open(memory, &pidfd).unwrap_err());

    for truth in [here.verify().unwrap(), child.verify().unwrap()] {
        let Truth { pid_namespace, child_pid_namespace, pid, .. } = truth;
        for verdict in [pid_namespace, child_pid_namespace, pid] {
            assert!(matches!(verdict, Verdict::CannotTell(_)), "{truth}");
        }
    }
}

#[test]
fn nothing_is_written_or_read_there() {
    passes("host_that_writes_and_reads_there");
}

#[test]
#[ignore = "a host for the test below"]
fn host_with_fifos_there() {
    let here = Task::here();
    let root = FalseRoot::enter();
    for fd in 0..64 {
        let path = root.path(&format!("thread-self/fdinfo/{fd}"));
        fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    }
    let exec = here.spawn().unwrap();
    let error = exec.program(&Program::new("/no-program")).uid(Uid::from_raw(1234)).exec();
    assert_eq!(error.unwrap_err().errno(), Some(Errno::NOENT));
    drop(root);
}

#[test]
fn nobody_waits_for_what_lies_there() {
    passes("host_with_fifos_there");
}
