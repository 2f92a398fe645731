//! A sandbox, beside bubblewrap's.

use std::process::Command;

use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};

use crate::harness::{self, Comparison, Row, Spent, Turns, Unit};
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

const WORK: &str = "`examples/sandbox`, every namespace, `/bin/true`";

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
    // What is left of a sandbox when its program has returned comes to this process.
    set_child_subreaper(Some(getpid())).expect("any process may be one");
    let turns = Turns { pairs: 101, per_turn: 2 };
    let [wall, cpu] =
        turns.take_spent(|count| run(&mut ours, count), |count| run(&mut theirs, count));
    set_child_subreaper(None).expect("as before");
    let [wall, cpu] = [wall, cpu].map(|pairs| Comparison::of(&pairs));
    vec![
        Row::times(format!("{WORK}: wall time"), peer, MOST, &wall),
        Row::times(format!("{WORK}: cpu time"), peer, MOST, &cpu),
    ]
}

/// How long it takes until the command has returned so many times, and what it used of the processors, with all
/// that was left of it.
fn run(command: &mut Command, count: u32) -> Spent {
    let mut once = || assert!(command.status().expect("it ran before").success());
    let mut wall = 0.0;
    let spent = machine::spend(|| {
        for _ in 0..count {
            wall += harness::time(1, &mut once);
            // Nothing of it runs beside what is measured next.
            while wait(WaitOptions::empty()).is_ok() {}
        }
    });
    Spent { wall, ..spent }
}
