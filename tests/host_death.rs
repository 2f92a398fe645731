//! This process ends, is killed, or becomes another program: no child task is left behind.

#![allow(unsafe_code, reason = "asks for a robust list")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{another_host, deadline, is_dead, passes, status, threads, until, until_blocked_in};
use nearfar::SeccompFilter;
use nearfar::prelude::*;

/// How soon nothing may be left.
const SOON: Duration = Duration::from_secs(1);

/// Makes an idle child, one that is blocked in a read, and the same again one generation further, also
/// with memory of their own; prints their pids, and does `end` when it is told to.
fn host(end: impl FnOnce()) {
    let here = Task::here();
    let (blocking, _hold) = here.pipe2(PipeFlags::empty()).unwrap();
    brand!(private_fds);
    let (idle, blocking_copy) = here.spawn_with_files(private_fds, &blocking).unwrap();
    let mut blocked = here.spawn().unwrap();
    let idle_grandchild = idle.spawn().unwrap();
    let mut blocked_grandchild = idle.spawn().unwrap();
    brand!(forked_memory, twice_forked_memory);
    let mut forked = idle.spawn_with_memory(forked_memory).unwrap();
    let forked_twice = forked.spawn_with_memory(twice_forked_memory).unwrap();
    let counter = idle.eventfd(0, EventfdFlags::empty()).unwrap();
    let pids = [
        idle.pid(),
        idle_grandchild.pid(),
        blocked.pid(),
        blocked_grandchild.pid(),
        forked.pid(),
        forked_twice.pid(),
    ];
    thread::scope(|scope| {
        let (forked, counter) = (&mut forked, &counter);
        scope.spawn(move || forked.eventfd_read(counter));
        until_blocked_in(pids[4], libc::SYS_read);
        let (first, second) = (&mut blocked, &mut blocked_grandchild);
        let (blocking, blocking_copy) = (&blocking, &blocking_copy);
        scope.spawn(move || first.read(blocking, &mut [0; 1]));
        scope.spawn(move || second.read(blocking_copy, &mut [0; 1]));
        until_blocked_in(pids[2], libc::SYS_read);
        until_blocked_in(pids[3], libc::SYS_read);
        println!("pids {}", pids.map(|pid| pid.as_raw().to_string()).join(" "));
        std::io::stdin().read_exact(&mut [0]).unwrap();
        end();
        unreachable!("a host ends");
    });
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_waits_to_be_killed() {
    host(|| {
        loop {
            thread::park();
        }
    });
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_exits() {
    host(|| std::process::exit(0));
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_becomes_another_program() {
    host(|| panic!("{}", Command::new("sleep").arg("1000").exec()));
}

/// Starts a host, has it `end`, and sees its children go. `end` says when it is over for the host.
fn no_child_is_left(role: &str, end: impl FnOnce(&mut std::process::Child)) {
    deadline(|| {
        let mut host =
            another_host(role).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let pids = lines
            .map(|line| line.unwrap())
            .find_map(|line| {
                let pids = line.split_once("pids ")?.1.to_owned();
                Some(pids.split(' ').map(|pid| pid.parse::<i32>().unwrap()).collect::<Vec<_>>())
            })
            .expect("the host prints its children's pids");
        assert_eq!(pids.len(), 6);
        assert!(pids.iter().all(|pid| !is_dead(*pid)));

        end(&mut host);
        let since = Instant::now();
        while !pids.iter().all(|pid| is_dead(*pid)) {
            assert!(since.elapsed() < SOON, "left after {SOON:?}: {pids:?}");
            thread::yield_now();
        }
        // It may have ended already.
        let _ended = host.kill();
        host.wait().unwrap();
    });
}

#[test]
fn killed() {
    no_child_is_left("host_that_waits_to_be_killed", |host| host.kill().unwrap());
}

#[test]
fn exited() {
    no_child_is_left("host_that_exits", |host| {
        host.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        host.wait().unwrap();
    });
}

#[test]
fn became_another_program() {
    no_child_is_left("host_that_becomes_another_program", |host| {
        host.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        let comm = format!("/proc/{}/comm", host.id());
        until("the host is another program", || {
            std::fs::read_to_string(&comm).is_ok_and(|name| name == "sleep\n")
        });
    });
}

/// A user whom this program does not run as.
const STRANGER: u32 = 1234;

#[test]
#[ignore = "a host for the test below"]
fn host_that_may_not_signal_its_child() {
    let here = Task::here();
    let mut sets = here.capget().unwrap();
    for set in [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable] {
        set.remove(CapabilitySet::KILL);
    }
    here.capset(sets).unwrap();
    let child = here.spawn().unwrap();
    println!("pid {}", child.host_pid().as_raw());
    child.prctl_set_no_new_privs().unwrap();
    // With a filter, the program is looked for before the exec: here for long, as the other user.
    let allow = (libc::BPF_RET | libc::BPF_K) as u16;
    let filter = SeccompFilter::from_parts([(allow, 0, 0, libc::SECCOMP_RET_ALLOW)]).unwrap();
    child.seccomp_on_exec(&filter).unwrap();
    let program = Program::new("no-such-program").env("PATH", "/a:".repeat(40_000));
    panic!("{}", child.program(&program).uid(Uid::from_raw(STRANGER)).exec().unwrap_err());
}

#[test]
fn killed_when_its_child_was_out_of_reach() {
    deadline(|| {
        let mut host = another_host("host_that_may_not_signal_its_child");
        let mut host = host.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let pid = lines.find_map(|line| Some(line.unwrap().split_once("pid ")?.1.to_owned()));
        let pid: i32 = pid.expect("the host prints its child's").parse().unwrap();
        let ids = format!("{STRANGER}\t{STRANGER}");
        until("it is another user's", || status(pid, "Uid").starts_with(&ids));
        host.kill().unwrap();
        let since = Instant::now();
        assert_eq!(host.wait().unwrap().signal(), Some(9), "it was too late");
        while !is_dead(pid) {
            assert!(since.elapsed() < SOON, "{pid} is left after {SOON:?}");
            thread::yield_now();
        }
    });
}

#[test]
#[ignore = "counts its own threads: run by the test below"]
fn host_that_looks_at_its_keepers() {
    let before = threads();
    let _child = Task::here().spawn().unwrap();
    let keepers = &threads() - &before;
    assert_eq!(keepers.len(), 1);
    for keeper in keepers {
        let (mut head, mut size) = (std::ptr::null_mut::<libc::c_void>(), 0_usize);
        // SAFETY: writes a pointer and a number, which are there for the call.
        let got = unsafe {
            libc::syscall(libc::SYS_get_robust_list, keeper, &raw mut head, &raw mut size)
        };
        assert_eq!(got, 0);
        assert!(!head.is_null());
    }
}

/// The other way to tell of it does nothing for the last thread of a memory, as which a keeper may be killed. Its
/// forked children, which are not in that memory, would not see that they have come too late for a signal.
#[test]
fn a_keeper_has_its_end_told_by_a_robust_list() {
    passes("host_that_looks_at_its_keepers");
}
