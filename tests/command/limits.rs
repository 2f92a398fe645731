//! `output_within`.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use nearfar::prelude::*;
use nearfar::process::{Command, CutOff, Stdio};

use super::sh;
use crate::common::{LIMIT, deadline, is_dead, until};

/// Long enough for a shell to start, short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn the_exact_size_is_not_cut() {
    deadline(|| {
        let output = sh("printf 1234; printf 56 >&2").output_within(6, LIMIT).unwrap();
        assert!(output.status.success());
        assert_eq!(output.cut_off, None);
        assert_eq!((&*output.stdout, &*output.stderr), (&b"1234"[..], &b"56"[..]));
        let nothing = Command::new("true").output_within(0, LIMIT).unwrap();
        assert_eq!((nothing.cut_off, nothing.status.code()), (None, Some(0)));
    });
}

#[test]
fn a_byte_more_is_cut() {
    deadline(|| {
        let output = sh("printf 1234; exec sleep 1000").output_within(3, LIMIT).unwrap();
        assert_eq!(output.cut_off, Some(CutOff::Size));
        assert_eq!(output.stdout, b"123");
        assert_eq!(output.status.signal(), Some(libc::SIGKILL));
        // Both streams count.
        let output =
            sh("printf 12; printf 345 >&2; exec sleep 1000").output_within(4, LIMIT).unwrap();
        assert_eq!(output.cut_off, Some(CutOff::Size));
        assert_eq!(output.stdout.len() + output.stderr.len(), 4);
        let output = Command::new("yes").output_within(1 << 20, LIMIT).unwrap();
        assert_eq!((output.cut_off, output.stdout.len()), (Some(CutOff::Size), 1 << 20));
    });
}

#[test]
fn the_time_is_up() {
    deadline(|| {
        let began = Instant::now();
        let output = sh("echo early; exec sleep 1000").output_within(100, SHORT).unwrap();
        assert!(began.elapsed() >= SHORT);
        assert_eq!(output.cut_off, Some(CutOff::Time));
        assert_eq!(output.status.signal(), Some(libc::SIGKILL));
        assert_eq!(output.stdout, b"early\n");
        // Also for what has closed its pipes.
        let output = sh("exec sleep 1000 >&- 2>&-").output_within(100, SHORT).unwrap();
        assert_eq!(output.cut_off, Some(CutOff::Time));
        assert_eq!(output.status.signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn who_keeps_the_pipe_is_killed_too() {
    deadline(|| {
        // The program itself has ended by then, and its status is its own.
        let output = sh("sleep 1000 & echo $!; exit 3").output_within(100, SHORT).unwrap();
        assert_eq!(output.cut_off, Some(CutOff::Time));
        assert_eq!(output.status.code(), Some(3));
        let background: u32 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        until("the group is dead", || is_dead(background));
        // At the other limit, as well.
        let output = sh("sleep 1000 & echo $!; exec yes").output_within(100, LIMIT).unwrap();
        assert_eq!(output.cut_off, Some(CutOff::Size));
        let text = String::from_utf8(output.stdout).unwrap();
        let background: u32 = text.lines().next().unwrap().parse().unwrap();
        until("the group is dead", || is_dead(background));
    });
}

#[test]
fn a_group_that_was_said_is_kept() {
    deadline(|| {
        let mut leader = super::cat().process_group(0).spawn().unwrap();
        let mut command = sh("exec sleep 1000");
        command.process_group(leader.id() as i32);
        let output = command.output_within(100, SHORT).unwrap();
        assert_eq!(output.status.signal(), Some(libc::SIGKILL));
        // Who leads the group is not the program, and lives.
        assert!(leader.wait().unwrap().success());
        // Nor has the limit changed the command.
        let mut command = Command::new("cut");
        command.args(["-d ", "-f5", "/proc/self/stat"]);
        let own_group = |text: Vec<u8>| String::from_utf8(text).unwrap();
        let limited = own_group(command.output_within(100, LIMIT).unwrap().stdout);
        let unlimited = own_group(command.output().unwrap().stdout);
        assert_ne!(limited, unlimited);
        assert_eq!(
            unlimited.trim().parse::<i32>().unwrap(),
            rustix::process::getpgrp().as_raw_nonzero().get()
        );
    });
}

#[test]
fn a_time_without_end() {
    deadline(|| {
        let output = sh("echo done").output_within(usize::MAX, Duration::MAX).unwrap();
        assert_eq!((output.cut_off, &*output.stdout), (None, &b"done\n"[..]));
    });
}

#[test]
fn its_input_is_closed() {
    deadline(|| {
        let mut cat = Command::new("cat");
        let output = cat.stdin(Stdio::piped()).output_within(10, LIMIT).unwrap();
        assert_eq!((output.cut_off, output.status.code()), (None, Some(0)));
    });
}

#[test]
fn a_preparation_may_have_its_own_session() {
    deadline(|| {
        let mut command = Command::new("true");
        command.prepare(|child| {
            child.setsid()?;
            Ok(())
        });
        assert!(command.output_within(10, LIMIT).unwrap().status.success());
    });
}

#[test]
fn a_panic_leaves_the_command_as_it_was() {
    deadline(|| {
        let mut command = sh("cut -d' ' -f5 /proc/$$/stat");
        let panics = std::sync::atomic::AtomicBool::new(true);
        command.prepare(move |_| {
            assert!(!panics.swap(false, std::sync::atomic::Ordering::Relaxed), "on purpose");
            Ok(())
        });
        let call = std::panic::AssertUnwindSafe(|| command.output_within(10, LIMIT));
        assert!(std::panic::catch_unwind(call).is_err());
        let group = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let ours = crate::common::stat(std::process::id(), 5);
        assert_eq!(group.trim(), ours.to_string(), "no group of its own");
    });
}
