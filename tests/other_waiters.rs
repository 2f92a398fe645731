//! Another part of the program waits for everybody. Each host is a process of its own, as it would
//! reap other tests' children.

#![allow(unsafe_code, reason = "waits for everybody, and ignores SIGCHLD")]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{ptr, thread};

use common::{another_host, deadline, is_gone, until};
use nearfar::Command;
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::process::CutOff;

/// `waitpid(-1)`: the pid of a child of any kind that has ended, if there is one.
fn wait_for_anybody() -> Option<i32> {
    // SAFETY: asks for no status.
    let pid = unsafe { libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG) };
    (pid > 0).then_some(pid)
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_waits_for_everybody() {
    let here = Task::here();
    // A driven task is not seen by such a wait, dead or alive.
    let child = here.spawn().unwrap();
    child.killer().kill().unwrap();
    until("dead", || common::is_dead(child.pid()));
    assert_eq!(wait_for_anybody(), None);
    drop(child);

    let shell = Program::new("sh").args(["-c", "exit 9"]);
    let process = here.spawn().unwrap().program(&shell).exec().unwrap();
    let (pid, killer) = (process.id(), process.killer());
    until("reaped by somebody else", || wait_for_anybody() == Some(pid as i32));
    assert!(is_gone(pid));
    assert_eq!(killer.kill().unwrap_err().errno(), Some(rustix::io::Errno::SRCH));
    // Linux 6.15 remembers the status; before, it is lost, and that is said.
    match process.wait() {
        Ok(exit) => assert_eq!(exit.code(), Some(9)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::StatusLost),
    }
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_ignores_sigchld() {
    // SAFETY: installs no handler.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let here = Task::here();
    let child = here.spawn().unwrap();
    assert_eq!(child.getpid().unwrap(), child.pid());
    let exit = child.exit(4).unwrap();
    assert_eq!(exit.code(), Some(4), "a driven task is reaped by us alone");

    // The kernel reaps programs by itself, also between the exec and our looking at it.
    for _ in 0..500 {
        let process = here.spawn().unwrap().program(&Program::new("true")).exec().unwrap();
        match process.wait() {
            Ok(exit) => assert!(exit.success()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::StatusLost),
        }
    }

    // Also if somebody else has the pipe, and the program is gone.
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 1000 & echo $!"]);
    match command.output_within(1000, Duration::from_secs(1)) {
        Ok(output) => {
            assert_eq!(output.cut_off, Some(CutOff::Time));
            let sleep: u32 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
            until("killed with its group", || common::is_dead(sleep));
        }
        Err(error) => {
            let error = nearfar::Error::from_io_error(&error).unwrap();
            assert_eq!(error.kind(), ErrorKind::StatusLost);
        }
    }
}

#[test]
#[ignore = "a host for the tests below"]
fn host_with_a_thief() {
    let here = Task::here();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                wait_for_anybody();
            }
        });
        for _ in 0..500 {
            // A program that has run is never said not to have begun.
            let process = here.spawn().unwrap().program(&Program::new("true")).exec().unwrap();
            match process.wait() {
                Ok(exit) => assert!(exit.success()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::StatusLost),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn passes(role: &str) {
    deadline(|| {
        let output = another_host(role).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    });
}

#[test]
fn waitpid_of_everybody() {
    passes("host_that_waits_for_everybody");
}

#[test]
fn waitpid_as_fast_as_it_can() {
    passes("host_with_a_thief");
}

#[test]
fn sigchld_ignored() {
    passes("host_that_ignores_sigchld");
}
