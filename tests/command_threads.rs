//! Many threads start programs while others open files that are not close-on-exec.

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::deadline;
use nearfar::process::{Command, Stdio};
use rustix::fs::{Mode, OFlags};

const SPAWNERS: usize = 8;
const PROGRAMS: usize = 25;

/// A program that prints its fds; it has one itself while it looks.
const LOOK: [&str; 2] = ["-1", "/proc/self/fd"];

fn numbers(output: &[u8]) -> BTreeSet<i32> {
    let text = std::str::from_utf8(output).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Opens files as careless code does, until the programs are all done.
fn open_and_close(done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let open = || rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
        let files = [open(), open(), open()];
        let copy = rustix::io::dup(&files[0]).unwrap();
        drop((files, copy));
    }
}

/// Runs `spawn` in many threads, with files coming and going, and one that stays: its number.
fn spawn_meanwhile(spawn: impl Fn(usize, i32) + Sync) {
    let file = rustix::fs::open("/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
    let stays = file.as_raw_fd();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let openers = [(); 2].map(|()| scope.spawn(|| open_and_close(&done)));
        let spawn = &spawn;
        let spawners: Vec<_> =
            (0..SPAWNERS).map(|thread| scope.spawn(move || spawn(thread, stays))).collect();
        let results: Vec<_> = spawners.into_iter().map(|spawner| spawner.join()).collect();
        done.store(true, Ordering::Relaxed);
        openers.into_iter().for_each(|opener| opener.join().unwrap());
        results.into_iter().for_each(|result| result.unwrap());
    });
}

#[test]
fn nothing_crosses_that_is_not_listed() {
    deadline(|| {
        spawn_meanwhile(|thread, _| {
            for round in 0..PROGRAMS {
                let mut command = Command::new("ls");
                command.args(LOOK).stdin(Stdio::piped());
                let mut expected = BTreeSet::from([0, 1, 2, 3]);
                match (thread + round) % 3 {
                    0 => {
                        command.prepare(|child| {
                            nearfar::prelude::ProcessTask::getpid(child)?;
                            Ok(())
                        });
                    }
                    1 => {
                        command.fd(50, File::open("/dev/null").unwrap());
                        expected.insert(50);
                    }
                    _ => {}
                }
                let output = command.output().unwrap();
                assert!(output.status.success());
                assert_eq!(numbers(&output.stdout), expected);
            }
        });
    });
}

/// What is avoided, so that the test above is known to look at the right thing.
#[test]
fn of_stds_programs_each_has_what_was_open() {
    deadline(|| {
        spawn_meanwhile(|_, stays| {
            let output = std::process::Command::new("ls").args(LOOK).output().unwrap();
            let seen = numbers(&output.stdout);
            assert!(seen.contains(&stays), "{stays} of {seen:?}");
        });
    });
}
