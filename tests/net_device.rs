//! Network devices: of the task's own network namespace, as the kernel's routes tell.

mod common;

use std::fs;
use std::thread;

use common::deadline;
use nearfar::prelude::*;
use nearfar::{ErrorKind, far};

fn takes_lo_up_and_down(task: &impl far::Task, process: &str) {
    let routes = || fs::read_to_string(format!("/proc/{process}/net/fib_trie")).unwrap();
    let none = SocketFlags::empty();
    let socket = task.socket(AddressFamily::INET, SocketType::DGRAM, None, none).unwrap();
    assert!(!routes().contains("127.0.0.1"));
    for up in [true, false, true] {
        task.set_device_up(&socket, "lo", up).unwrap();
        assert_eq!(task.device_is_up(&socket, "lo"), Ok(up));
    }
    assert!(routes().contains("127.0.0.1"));
    let error = task.set_device_up(&socket, "no-such-device", true).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NODEV));
    for name in ["", "0123456789abcdef"] {
        assert_eq!(task.device_is_up(&socket, name).unwrap_err().errno(), Some(Errno::INVAL));
    }
    for name in ["lo\0x", "lo\0", "\0"] {
        let asked = task.device_is_up(&socket, name).map(drop);
        for answer in [asked, task.set_device_up(&socket, name, false)] {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::InteriorNul);
        }
    }
    assert_eq!(task.device_is_up(&socket, "lo"), Ok(true));
    let null = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!(task.device_is_up(&null, "lo").unwrap_err().errno(), Some(Errno::NOTTY));
}

#[test]
fn of_a_child() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::USER | Namespaces::NET).unwrap();
        takes_lo_up_and_down(&child, &child.pid().as_raw().to_string());
    });
}

#[test]
fn of_a_thread() {
    deadline(|| {
        // Needs to be root: a thread among others cannot have a user namespace.
        let there = thread::spawn(|| {
            let here = Task::here();
            here.unshare(Namespaces::NET).unwrap();
            takes_lo_up_and_down(&here, "thread-self");
        });
        there.join().unwrap();
    });
}
