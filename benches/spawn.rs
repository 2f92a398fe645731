//! Process creation beside std's, in turns, in one process: `cargo bench --bench spawn`.
//!
//! Prints the median of each round's ratio, and how far the middle half of them spreads. A ratio
//! below 1 is faster than `std::process::Command`.

#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nearfar::prelude::*;

const ROUNDS: usize = 60;
const PER_ROUND: u32 = 20;

fn main() {
    let here = Task::here();
    let program = Program::new("/bin/true");
    compare(
        "spawn, exec /bin/true, wait",
        "std::process::Command",
        || {
            let process = here.spawn().unwrap().program(&program).exec().unwrap();
            assert!(process.wait().unwrap().success());
        },
        || {
            assert!(Command::new("/bin/true").status().unwrap().success());
        },
    );

    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
    compare(
        "the same in a private table, with three fds",
        "std::process::Command",
        || {
            brand!(private_fds);
            let (child, null) = here.spawn_with_files(private_fds, &null).unwrap();
            let exec = child.program(&program).fd(0, &null).fd(1, &null).fd(2, &null);
            assert!(exec.exec().unwrap().wait().unwrap().success());
        },
        || {
            let mut command = Command::new("/bin/true");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            assert!(command.status().unwrap().success());
        },
    );

    compare(
        "nearfar's Command: output of echo",
        "std::process::Command",
        || {
            let output = nearfar::Command::new("echo").arg("x").output().unwrap();
            assert_eq!(output.stdout, b"x\n");
        },
        || {
            let output = Command::new("echo").arg("x").output().unwrap();
            assert_eq!(output.stdout, b"x\n");
        },
    );

    compare(
        "nearfar's Command, prepared: a new session by a closure",
        "std::process::Command with pre_exec, by way of setsid(1)",
        || {
            let mut command = nearfar::Command::new("/bin/true");
            command.prepare(|child| {
                child.setsid()?;
                Ok(())
            });
            assert!(command.status().unwrap().success());
        },
        || {
            assert!(Command::new("setsid").arg("/bin/true").status().unwrap().success());
        },
    );

    let child = here.spawn().unwrap();
    compare(
        "getpid in a sleeping child",
        "a round trip over a socketpair",
        || {
            child.getpid().unwrap();
        },
        {
            use std::io::{Read, Write};
            let (mut near, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
            std::thread::spawn(move || {
                let mut byte = [0];
                while far.read(&mut byte).is_ok_and(|length| length == 1) {
                    far.write_all(&byte).unwrap();
                }
            });
            move || {
                near.write_all(&[0]).unwrap();
                near.read_exact(&mut [0]).unwrap();
            }
        },
    );
}

fn compare(what: &str, peer: &str, mut ours: impl FnMut(), mut theirs: impl FnMut()) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..PER_ROUND).for_each(|_| work());
        start.elapsed() / PER_ROUND
    };
    time(&mut ours);
    time(&mut theirs);
    let mut rounds: Vec<(f64, Duration, Duration)> = (0..ROUNDS)
        .map(|_| {
            let (ours, theirs) = (time(&mut ours), time(&mut theirs));
            (ours.as_secs_f64() / theirs.as_secs_f64(), ours, theirs)
        })
        .collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, theirs) = rounds[ROUNDS / 2];
    let (low, high) = (rounds[ROUNDS / 4].0, rounds[ROUNDS * 3 / 4].0);
    println!("{what}\n  {ratio:.2} of {peer} ({low:.2} to {high:.2}): {ours:?} and {theirs:?}");
}
