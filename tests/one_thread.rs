//! What the calling thread can do only if it is the only one, which it is not in a test harness.

mod common;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use common::{namespace, own_namespace, until};
use nearfar::SignalSet;
use nearfar::prelude::*;
use rustix::process::{DumpableBehavior, dumpable_behavior};

fn main() {
    a_signal_of_the_kernel_tells_of_a_child();
    let before = own_namespace("user");
    a_user_namespace_is_joined();
    let joined = own_namespace("user");
    assert_ne!(joined, before);
    children_are_seen_from_there();
    a_user_namespace_is_made();
    assert_ne!(own_namespace("user"), joined);
    // The memory is the program's own.
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
}

/// It is ignored, and not kept, if the first thread has not blocked it.
fn a_signal_of_the_kernel_tells_of_a_child() {
    let here = Task::here();
    let of_children = SignalSet::from(Signal::CHILD);
    let before = here.sigprocmask(SigmaskChange::Block, of_children).unwrap();
    let arriving = here.signalfd(of_children, OFlags::empty()).unwrap();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids).unwrap();
    let process = init.program(&Program::new("true")).exec().unwrap();
    let signal = here.signalfd_read(&arriving).unwrap();
    assert_eq!(signal.pid(), Some(process.pid()));
    assert_eq!((signal.code(), signal.status()), (libc::CLD_EXITED, 0));
    assert!(process.wait().unwrap().success());
    here.sigprocmask(SigmaskChange::Set, before).unwrap();
    until("alone again", || common::threads().len() == 1);
}

/// Its capabilities count for nothing in the user namespace that its memory is of, so nothing is hidden from it.
fn children_are_seen_from_there() {
    let here = Task::here();
    let is_seen = |pid: nearfar::near::Pid<HostPids>| {
        let namespace = format!("/proc/{}/ns/user", pid.as_raw());
        drop(here.openat(Cwd, namespace, OFlags::RDONLY, Mode::empty()).unwrap());
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    };
    brand!(private_fds, inner_pids, child_memory);
    let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
    child.unshare(Namespaces::USER).unwrap();
    is_seen(child.host_pid());
    let (reader, _writer) = child.pipe2(PipeFlags::empty()).unwrap();
    drop(here.pidfd_getfd(&child, &reader).unwrap());
    let init = here.spawn_with_namespaces(inner_pids, Namespaces::USER).unwrap();
    is_seen(init.host_pid());
    let forked = here.spawn_with_memory(child_memory).unwrap();
    forked.unshare(Namespaces::USER).unwrap();
    is_seen(forked.host_pid());
}

fn a_user_namespace_is_joined() {
    // Not a task, as with one this program would have a second thread.
    let mut other = Command::new("unshare");
    let other = other.args(["--map-root-user", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut other = other.spawn().unwrap();
    other.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    // It is where it is to be once its program echoes.
    other.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();

    let here = Task::here();
    let open = |pid: u32| {
        let path = format!("/proc/{pid}/ns/user");
        here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap()
    };
    let error = here.setns_user(open(std::process::id())).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
    here.setns_user(open(other.id())).unwrap();
    assert_eq!(own_namespace("user"), namespace(other.id(), "user"));
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
}

fn a_user_namespace_is_made() {
    let here = Task::here();
    // A keeper is a thread, until a moment after its child is gone.
    let child = here.spawn().unwrap();
    let error = here.unshare(Namespaces::USER).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
    drop(child);
    until("alone again", || here.unshare(Namespaces::USER).is_ok());
}
