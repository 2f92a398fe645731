//! A child that has itself traced by this program: to stop is not to end.
//!
//! Without a test harness, as it is a process's first thread that has to ask for it.

#![allow(unsafe_code, reason = "asks to be traced")]

mod common;

use std::env;
use std::time::Duration;

use common::{deadline, is_gone, state, until};
use nearfar::handle::Waited;
use nearfar::prelude::*;
use nearfar::process::Command;

/// What this program is told to be the one that is traced.
const TRACED: &str = "traced";

fn main() {
    if env::args().nth(1).is_some_and(|argument| argument == TRACED) {
        return stop_as_one_who_is_traced();
    }
    deadline(|| {
        a_child_that_stops_is_killed_and_waited_for();
        a_process_that_stops_is_killed_by_its_drop();
        a_process_that_nobody_waits_for_is_reaped_when_it_has_ended();
    });
}

fn stop_as_one_who_is_traced() {
    // SAFETY: passes no pointer.
    assert_eq!(unsafe { libc::ptrace(libc::PTRACE_TRACEME) }, 0);
    // SAFETY: passes a number. Ignored by default, but who is traced stops for it.
    unsafe { libc::raise(libc::SIGURG) };
    unreachable!("nobody has it go on");
}

fn itself() -> String {
    env::current_exe().unwrap().into_os_string().into_string().unwrap()
}

fn until_stopped(pid: u32) {
    until("stopped", || state(pid) == Some('t'));
}

fn a_child_that_stops_is_killed_and_waited_for() {
    let mut child = Command::new(itself()).arg(TRACED).spawn().unwrap();
    until_stopped(child.id());
    assert!(child.try_wait().unwrap().is_none());
    assert!(child.wait_timeout(Duration::from_millis(10)).unwrap().is_none());
    child.kill().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
}

fn a_process_that_stops_is_killed_by_its_drop() {
    let program = Program::new(itself()).arg(TRACED);
    let process = Task::here().spawn().unwrap().program(&program).exec().unwrap();
    let pid = process.id();
    until_stopped(pid);
    let Waited::Running(process) = process.try_wait().unwrap() else { panic!("it has stopped") };
    drop(process.kill_on_drop(true));
    until("reaped", || is_gone(pid));
}

fn a_process_that_nobody_waits_for_is_reaped_when_it_has_ended() {
    let program = Program::new(itself()).arg(TRACED);
    let process = Task::here().spawn().unwrap().program(&program).exec().unwrap();
    let pid = process.id();
    until_stopped(pid);
    let killer = process.killer();
    drop(process);
    // Each looks at those that nobody waits for.
    drop(Task::here().spawn().unwrap());
    assert_eq!(state(pid), Some('t'));
    killer.kill().unwrap();
    until("reaped", || {
        drop(Task::here().spawn().unwrap());
        is_gone(pid)
    });
}
