//! Groups, sessions, terminals, and the end of a program.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nearfar::process::{Child, Stdio};
use nearfar::task::{SigAction, SignalTask};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{cat, inner, sh, until_it_reads};
use crate::common::{LIMIT, deadline, is_dead, is_gone, stat, until};

/// A program that ends when its input does, after starting another that does not; and that one's pid.
fn with_background(configure: impl FnOnce(&mut nearfar::process::Command)) -> (Child, u32) {
    let mut command = sh("sleep 1000 >/dev/null </dev/null & echo $!; exec cat");
    configure(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().parse().unwrap())
}

#[test]
fn wait_timeout_leaves_the_input_open() {
    deadline(|| {
        let mut child = cat().spawn().unwrap();
        assert_eq!(child.wait_timeout(Duration::from_millis(1)).unwrap(), None);
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), None);
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        drop(child.stdin.take());
        let status = child.wait_timeout(LIMIT).unwrap();
        assert!(status.unwrap().success());
        assert!(is_gone(child.id()));
        assert_eq!(child.wait_timeout(Duration::ZERO).unwrap(), status);
        let mut child = cat().spawn().unwrap();
        drop(child.stdin.take());
        assert!(child.wait_timeout(Duration::MAX).unwrap().is_some());
    });
}

#[test]
fn a_signal_for_the_group_is_for_all_of_it() {
    deadline(|| {
        for session in [false, true] {
            let (mut child, background) = with_background(|command| {
                if session {
                    command.setsid(true);
                } else {
                    command.process_group(0);
                }
            });
            assert!(!is_dead(background));
            child.send_signal_to_group(Signal::TERM).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
            until("the group is dead", || is_dead(background));
            // The number may be another group's by now.
            child.send_signal_to_group(Signal::TERM).unwrap();
        }
    });
}

#[test]
fn who_leads_no_group_is_told() {
    deadline(|| {
        let mut child = cat().spawn().unwrap();
        let error = child.send_signal_to_group(Signal::KILL).unwrap_err();
        assert_eq!(inner(&error).errno(), Some(Errno::SRCH));
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn other_signals_than_kill() {
    deadline(|| {
        let mut child = cat().spawn().unwrap();
        child.send_signal(Signal::USR1).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGUSR1));
        child.send_signal(Signal::USR1).unwrap();
        let mut child = cat().spawn().unwrap();
        let killer = child.killer();
        std::thread::spawn(move || killer.kill().unwrap()).join().unwrap();
        let exit = child.wait_for_exit().unwrap();
        assert_eq!(exit.signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn kill_on_drop() {
    deadline(|| {
        let child = cat().kill_on_drop(true).spawn().unwrap();
        let id = child.id();
        drop(child);
        assert!(is_gone(id));
        // By a failure on the way, as well.
        let failing = || -> std::io::Result<u32> {
            let mut command = cat();
            let child = command.kill_on_drop(true).spawn()?;
            let id = child.id();
            File::open("/nowhere").map(|_| 0).or(Ok(id))
        };
        assert!(is_gone(failing().unwrap()));
        // Who takes the process out takes that with it.
        let mut command = super::Command::new("sleep");
        let process = command.arg("1000").kill_on_drop(true).spawn().unwrap().into_process();
        let id = process.id();
        assert!(!is_dead(id));
        drop(process);
        assert!(is_gone(id));
    });
}

#[test]
fn a_session_of_its_own() {
    deadline(|| {
        for group in [None, Some(0)] {
            let mut command = cat();
            command.setsid(true);
            if let Some(group) = group {
                command.process_group(group);
            }
            let mut child = command.spawn().unwrap();
            let (group, session) = (stat(child.id(), 5), stat(child.id(), 6));
            assert_eq!((group, session), (child.id().into(), child.id().into()));
            assert!(child.wait().unwrap().success());
        }
    });
}

#[test]
fn a_terminal_of_its_own() {
    deadline(|| {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = File::from(rustix::fs::open(&name, flags, rustix::fs::Mode::empty()).unwrap());
        let device = theirs.metadata().unwrap().rdev();
        let mut command = cat();
        // Whoever runs the tests may ignore it.
        command.prepare(|child| Ok(child.set_sigaction(Signal::INT, SigAction::Default)?));
        let mut child = command.stdin(theirs).controlling_terminal().spawn().unwrap();
        drop(command);
        until_it_reads(&child);
        let pid = i64::from(child.id());
        assert_eq!(stat(pid, 6), pid, "it leads a session");
        assert_eq!(stat(pid, 7) as u64, device, "the terminal is its own");
        assert_eq!(stat(pid, 8), pid, "and it is in the foreground");
        // So it is the one that is interrupted.
        rustix::io::write(&ours, b"\x03").unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGINT));
    });
}

#[test]
fn what_is_no_terminal_does_not_control() {
    deadline(|| {
        let error = cat().controlling_terminal().spawn().unwrap_err();
        let error = inner(&error);
        assert_eq!((error.call().name(), error.errno()), ("ioctl", Some(Errno::NOTTY)));
    });
}

#[test]
fn groups_that_are_said() {
    deadline(|| {
        // It needs to be root.
        let mut command = super::Command::new("id");
        command.arg("-G").gid(65533).groups(&[65533, 65531, 65532]);
        assert_eq!(super::printed(&mut command), "65533 65531 65532\n");
        command.uid(65534);
        assert_eq!(super::printed(&mut command), "65533 65531 65532\n");
        command.groups(&[]);
        assert_eq!(super::printed(&mut command), "65533\n");
    });
}

#[test]
fn numbers_that_mean_something_else_to_the_kernel() {
    deadline(|| {
        for (command, call) in [
            (super::Command::new("true").uid(u32::MAX), "setresuid"),
            (super::Command::new("true").gid(u32::MAX), "setresgid"),
            (super::Command::new("true").process_group(-1), "setpgid"),
        ] {
            let error = command.status().unwrap_err();
            let error = inner(&error);
            assert_eq!((error.call().name(), error.errno()), (call, Some(Errno::INVAL)));
        }
    });
}

#[test]
fn a_group_of_ours_is_meant_in_another_pid_namespace_too() {
    deadline(|| {
        let mut leader = cat();
        let mut leader = leader.process_group(0).stdin(Stdio::piped()).spawn().unwrap();
        let group = leader.id() as i32;
        let mut command = cat();
        let mut child =
            command.unshare_pid().process_group(group).stdin(Stdio::piped()).spawn().unwrap();
        assert_eq!(stat(child.id(), 5), i64::from(group));
        drop((leader.stdin.take(), child.stdin.take()));
        assert!(leader.wait().unwrap().success() && child.wait().unwrap().success());
    });
}
