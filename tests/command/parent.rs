//! The signal that a program gets when its host ends. Hosts are processes of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::process;
use std::thread;

use nearfar::process::{Child, Command, Stdio};
use rustix::process::Signal;

use super::{cat, sh};
use crate::common::{another_host, deadline, is_dead, until};

/// Whether a program is there to send back what it gets.
fn lives(stdin: &mut impl Write, stdout: &mut impl Read) {
    stdin.write_all(b"x").unwrap();
    stdout.read_exact(&mut [0]).unwrap();
}

/// Waits until the host is killed.
fn wait_for_the_end() -> ! {
    loop {
        thread::park();
    }
}

#[test]
#[ignore = "a host for the tests below"]
fn host_of_a_program_that_tells() {
    // Its trap is set when it says so; `wait` is what a trap interrupts.
    let script = "trap 'kill -9 $!; echo was told; exit' TERM
        sleep 1000 >/dev/null & echo ready; wait";
    let _child = sh(script).parent_death_signal(Signal::TERM).spawn().unwrap();
    wait_for_the_end();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_of_a_program_that_is_dropped() {
    let mut command = cat();
    command.parent_death_signal(Signal::KILL);
    let mut pipes = Vec::new();
    for detached in [false, true] {
        let mut child = command.spawn().unwrap();
        pipes.push((child.stdin.take().unwrap(), child.stdout.take().unwrap()));
        println!("pid {}", child.id());
        if detached {
            child.into_process().detach();
        } else {
            drop(child);
        }
    }
    // Later spawns look at who has ended.
    assert!(Command::new("true").status().unwrap().success());
    for (stdin, stdout) in &mut pipes {
        lives(stdin, stdout);
    }
    println!("dropped");
    wait_for_the_end();
}

/// A host that does not outlive its test.
struct Host(process::Child);

impl Host {
    fn start(role: &str) -> (Self, impl Iterator<Item = String>) {
        let mut host = another_host(&format!("command::parent::{role}"));
        let mut host = host.stdout(process::Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(host.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        (Host(host), lines)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_program_is_told_that_its_host_is_killed() {
    deadline(|| {
        let (host, mut lines) = Host::start("host_of_a_program_that_tells");
        assert!(lines.any(|line| line.ends_with("ready")), "the program starts");
        drop(host);
        assert_eq!(lines.next().as_deref(), Some("was told"));
        assert_eq!(lines.next(), None);
    });
}

#[test]
fn a_program_that_is_dropped_is_told_too_and_not_earlier() {
    deadline(|| {
        let (host, lines) = Host::start("host_of_a_program_that_is_dropped");
        let mut pids = Vec::new();
        for line in lines {
            if line == "dropped" {
                break;
            }
            // The test runner may have begun the line.
            if let Some((_, pid)) = line.split_once("pid ") {
                pids.push(pid.parse::<i32>().unwrap());
            }
        }
        assert_eq!(pids.len(), 2);
        assert!(pids.iter().all(|pid| !is_dead(*pid)));
        drop(host);
        until("dead with the host", || pids.iter().all(|pid| is_dead(*pid)));
    });
}

#[test]
fn a_program_outlives_the_thread_that_spawned_it() {
    deadline(|| {
        let spawn = || {
            let mut command = cat();
            let child = command.parent_death_signal(Signal::KILL).spawn().unwrap();
            (rustix::thread::gettid(), child)
        };
        let (thread, mut child): (_, Child) = thread::spawn(spawn).join().unwrap();
        // The kernel tells the children before it takes the thread from the list.
        let entry = format!("/proc/self/task/{}", thread.as_raw_nonzero());
        until("the thread is gone", || !std::fs::exists(&entry).unwrap());
        lives(child.stdin.as_mut().unwrap(), child.stdout.as_mut().unwrap());
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn without_it_a_program_lives_on() {
    deadline(|| {
        // What std's would do, and ours as well: the default is no signal.
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let thread = thread::spawn(|| cat().spawn().unwrap());
        let mut other = thread.join().unwrap();
        assert!(other.wait().unwrap().success());
        assert!(child.wait().unwrap().success());
    });
}
