//! Clocks of a program, and of nobody else.

mod common;

use std::fs;
use std::os::fd::OwnedFd;

use common::{another_host, deadline, namespace, own_namespace, sleeping};
use nearfar::brand::Namespace;
use nearfar::prelude::*;
use nearfar::process::Command;
use nearfar::task::TimeOffsets;
use nearfar::{Error, ErrorKind};
use rustix::time::{ClockId, clock_gettime};

type Child = Task<HostFds, HostMemory, HostPids>;

const DAY: i64 = 24 * 60 * 60;

fn seconds(tv_sec: i64) -> Timespec {
    Timespec { tv_sec, tv_nsec: 0 }
}

const LATER: TimeOffsets = TimeOffsets {
    monotonic: Timespec { tv_sec: 1000 * DAY, tv_nsec: 5 },
    boottime: Timespec { tv_sec: 2000 * DAY, tv_nsec: 999_999_999 },
};

/// Monotonic and boot time in seconds, as this program has them.
fn clocks() -> [i64; 2] {
    [ClockId::Monotonic, ClockId::Boottime].map(|clock| clock_gettime(clock).tv_sec)
}

fn child() -> Child {
    let child = Task::here().spawn().unwrap();
    child.unshare(Namespaces::USER | Namespaces::TIME).unwrap();
    child
}

#[test]
#[ignore = "a program of the tests below"]
fn program_that_tells_its_clocks() {
    let [monotonic, boottime] = clocks();
    println!("\nclocks {monotonic} {boottime}");
}

/// Such a program, and where its arguments are from.
fn teller() -> std::process::Command {
    another_host("program_that_tells_its_clocks")
}

/// Runs such a program by `run`, which returns what it says, and sees that its clocks are later.
#[track_caller]
fn are_later(run: impl FnOnce() -> String) {
    let before = clocks();
    let said = run();
    let after = clocks();
    let told = said.lines().find_map(|line| line.strip_prefix("clocks ")).expect("it tells them");
    let told = told.split(' ').map(|seconds| seconds.parse::<i64>().unwrap());
    for (clock, (told, ahead)) in told.zip([1000 * DAY, 2000 * DAY]).enumerate() {
        // What is below a second may carry over.
        let possible = before[clock] + ahead..=after[clock] + ahead + 1;
        assert!(possible.contains(&told), "{told} is not within {possible:?}");
    }
}

/// What a task's program says.
fn told_by_program_of<A: Namespace>(child: Task<HostFds, A, HostPids>) -> String {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let teller = teller();
    let program = Program::new(teller.get_program()).args(teller.get_args());
    let process = child.program(&program).fd(1, &writer).exec().unwrap();
    drop(writer);
    let said = std::io::read_to_string(fs::File::from(OwnedFd::from(reader))).unwrap();
    assert!(process.wait().unwrap().success());
    said
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, errno: Errno) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Os(errno));
}

#[test]
fn the_program_has_the_clocks_and_the_task_keeps_its_own() {
    deadline(|| {
        let child = child();
        let pid = child.pid();
        assert_eq!(namespace(pid, "time"), own_namespace("time"));
        let new = namespace(pid, "time_for_children");
        assert_ne!(new, own_namespace("time"));
        let none = TimeOffsets { monotonic: seconds(0), boottime: seconds(0) };
        assert_eq!(child.time_offsets(), Ok(none));
        child.set_time_offsets(LATER).unwrap();
        assert_eq!(child.time_offsets(), Ok(LATER));
        let text = fs::read_to_string(format!("/proc/{}/timens_offsets", pid.as_raw())).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        let (later, much_later) = ((1000 * DAY).to_string(), (2000 * DAY).to_string());
        assert_eq!(words, ["monotonic", &later, "5", "boottime", &much_later, "999999999"]);

        // The task reads the clock of this program.
        let uptime = child.openat(Cwd, "/proc/uptime", OFlags::RDONLY, Mode::empty()).unwrap();
        let mut text = [0; 64];
        let length = child.read(&uptime, &mut text).unwrap();
        let text = std::str::from_utf8(&text[..length]).unwrap();
        let up: f64 = text.split_whitespace().next().unwrap().parse().unwrap();
        assert!(up as i64 <= clocks()[1]);
        are_later(|| told_by_program_of(child));
    });
}

#[test]
fn a_program_is_in_the_new_namespace_and_its_clocks_are_set_for_good() {
    deadline(|| {
        let child = child();
        let sibling = child.spawn().unwrap();
        let new = namespace(child.pid(), "time_for_children");
        assert_eq!(namespace(sibling.pid(), "time_for_children"), new);
        child.set_time_offsets(LATER).unwrap();
        assert_eq!(sibling.time_offsets(), Ok(LATER));
        let process = sleeping(child);
        assert_eq!(namespace(process.id(), "time"), new);
        let none = TimeOffsets { monotonic: seconds(0), boottime: seconds(0) };
        refused(sibling.set_time_offsets(none), Errno::ACCESS);
        are_later(|| told_by_program_of(sibling));
        assert_eq!(namespace(std::process::id(), "time_for_children"), own_namespace("time"));
    });
}

#[test]
fn clocks_that_cannot_be_are_refused() {
    deadline(|| {
        let child = child();
        let before = child.time_offsets().unwrap();
        for (monotonic, errno) in [
            (seconds(-1000 * DAY), Errno::RANGE),
            (seconds(i64::MAX), Errno::RANGE),
            (Timespec { tv_sec: 0, tv_nsec: 1_000_000_000 }, Errno::INVAL),
        ] {
            refused(child.set_time_offsets(TimeOffsets { monotonic, ..before }), errno);
            assert_eq!(child.time_offsets(), Ok(before));
        }
        let other = Task::here().spawn().unwrap();
        let error = other.set_time_offsets(before).unwrap_err();
        // Without privileges, that is said first.
        assert!(matches!(error.errno(), Some(Errno::ACCESS | Errno::PERM)), "{error}");
    });
}

#[test]
fn a_command_has_its_clocks() {
    deadline(|| {
        let teller = teller();
        let mut command = Command::new(teller.get_program());
        command.args(teller.get_args()).unshare(Namespaces::USER | Namespaces::TIME);
        command.prepare(|child| Ok(child.set_time_offsets(LATER)?));
        are_later(|| String::from_utf8(command.output().unwrap().stdout).unwrap());
    });
}

#[test]
fn a_task_that_shares_memory_joins_none() {
    deadline(|| {
        let here = Task::here();
        let process = sleeping(child());
        let path = format!("/proc/{}/ns/time", process.id());
        let other = here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
        let child = here.spawn().unwrap();
        refused(child.setns_time(&other), Errno::USERS);
        refused(here.setns_time(&other), Errno::USERS);
        assert_eq!(namespace(child.pid(), "time"), own_namespace("time"));
        assert_eq!(namespace(child.pid(), "time_for_children"), own_namespace("time"));
    });
}

/// Needs to be root.
#[test]
fn a_task_with_memory_of_its_own_joins_one() {
    deadline(|| {
        let here = Task::here();
        let ahead = here.spawn().unwrap();
        ahead.unshare(Namespaces::TIME).unwrap();
        ahead.set_time_offsets(LATER).unwrap();
        let process = sleeping(ahead);
        let path = format!("/proc/{}/ns/time", process.id());
        let other = here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        child.setns_time(&other).unwrap();
        let new = namespace(process.id(), "time");
        assert_eq!(namespace(child.host_pid(), "time"), new);
        assert_eq!(namespace(child.host_pid(), "time_for_children"), new);
        assert_ne!(own_namespace("time"), new);
        // Its next calls, and its program, are there.
        assert_eq!(child.getpid().unwrap(), child.pid());
        are_later(|| told_by_program_of(child));
    });
}

/// What is forked begins with memory of its own, and so where a program would.
#[test]
fn a_forked_child_is_in_the_new_namespace() {
    deadline(|| {
        let child = child();
        child.set_time_offsets(LATER).unwrap();
        let new = namespace(child.pid(), "time_for_children");
        brand!(child_memory);
        let forked = child.spawn_with_memory(child_memory).unwrap();
        assert_eq!(namespace(forked.host_pid(), "time"), new);
        assert_eq!(namespace(child.pid(), "time"), own_namespace("time"));
        are_later(|| told_by_program_of(forked));
    });
}

/// Needs to be root: a thread among others cannot have a user namespace.
#[test]
fn of_a_thread_it_is_the_programs_that_it_spawns() {
    deadline(|| {
        std::thread::spawn(|| {
            let here = Task::here();
            here.unshare(Namespaces::TIME).unwrap();
            let new = own_namespace("time_for_children");
            assert_ne!(new, own_namespace("time"));
            let process = sleeping(here.spawn().unwrap());
            assert_eq!(namespace(process.id(), "time"), new);
        })
        .join()
        .unwrap();
        assert_eq!(own_namespace("time_for_children"), own_namespace("time"));
    });
}
