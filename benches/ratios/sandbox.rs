//! A sandbox, beside bubblewrap's.
//!
//! # Safety
//!
//! 1. The out-parameter outlives the call, which fills it in.
#![expect(unsafe_code, reason = "getrusage")]

use std::mem::MaybeUninit;
use std::process::Command;
use std::time::Duration;

use crate::harness::{self, Row, Turns, Unit};
use crate::machine;

/// What `examples/sandbox.rs` does.
const BWRAP: [&str; 21] = [
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-uts",
    "--unshare-ipc",
    "--uid",
    "0",
    "--gid",
    "0",
    "--hostname",
    "sandbox",
    "--cap-drop",
    "ALL",
    "--ro-bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "--tmpfs",
    "/tmp",
    "/bin/true",
];

const WORK: &str = "`examples/sandbox` with every namespace, `/bin/true`";

pub(crate) fn measure() -> Vec<Row> {
    const MOST: f64 = 0.6;
    let peer = "`bwrap` with the same namespaces and mounts";
    let rows = |why: &str| {
        ["wall", "cpu"].map(|time| {
            Row::not_measured(format!("{WORK}: {time} time"), peer, Unit::Times, MOST, why)
        })
    };
    if !machine::has("bwrap") {
        return rows("bwrap is not installed").into();
    }
    let example = machine::build_directory().join("examples/sandbox");
    let built = machine::cargo()
        .args(["build", "--quiet", "--release", "--example", "sandbox", "--target-dir"])
        .arg(machine::build_directory().parent().expect("it is in the target directory"))
        .current_dir(machine::repository())
        .status();
    assert!(built.expect("cargo runs").success(), "the example builds");
    let mut ours = Command::new(example);
    ours.arg("/bin/true");
    let mut theirs = Command::new("bwrap");
    theirs.args(BWRAP);
    for command in [&mut ours, &mut theirs] {
        match command.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => return rows(String::from_utf8_lossy(&output.stderr).trim()).into(),
            Err(error) => return rows(&error.to_string()).into(),
        }
    }
    let turns = Turns { pairs: 101, per_turn: 2 };
    let mut cpu = [Vec::new(), Vec::new()];
    let [our_cpu, their_cpu] = &mut cpu;
    let wall = turns.compare_by(
        |count| run(&mut ours, count, our_cpu),
        |count| run(&mut theirs, count, their_cpu),
    );
    // What was measured during the turns, as if each had taken so long; without the first, uncounted ones.
    let (mut ours, mut theirs) = (our_cpu.iter(), their_cpu.iter());
    let next = |of: &mut dyn Iterator<Item = &f64>| *of.next().expect("a turn each");
    let cpu = turns.compare_by(|_| next(&mut ours), |_| next(&mut theirs));
    vec![
        Row::times(format!("{WORK}: wall time"), peer, MOST, &wall),
        Row::times(format!("{WORK}: cpu time"), peer, MOST, &cpu),
    ]
}

/// How long it takes, in seconds; what it and its children used of the processors is put into `cpu`.
fn run(command: &mut Command, count: u32, cpu: &mut Vec<f64>) -> f64 {
    let before = used_by_children();
    let wall = harness::time(count, &mut || {
        assert!(command.status().expect("it ran before").success());
    });
    cpu.push((used_by_children() - before).as_secs_f64());
    wall
}

/// How long all children that have been waited for have been on a processor.
pub(crate) fn used_by_children() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: (1)
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) }, 0);
    // SAFETY: (1)
    let usage = unsafe { usage.assume_init() };
    [usage.ru_utime, usage.ru_stime]
        .map(|time| {
            Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
        })
        .into_iter()
        .sum()
}
