//! A sandbox, beside bubblewrap's.

use std::path::PathBuf;
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

/// The same namespaces, and no mounts but a new `/proc`: less than half of what a sandbox does.
const UNSHARE: [&str; 10] = [
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--mount",
    "--net",
    "--uts",
    "--ipc",
    "--mount-proc",
    "/bin/true",
];

/// How the example is linked.
#[derive(Clone, Copy)]
enum Linked {
    AsUsual,
    Statically,
}

impl Linked {
    fn work(self) -> String {
        let work = "`examples/sandbox`, every namespace, `/bin/true`";
        match self {
            Linked::AsUsual => work.into(),
            Linked::Statically => format!("{work}, linked statically"),
        }
    }

    /// Has cargo build the example, and tells where it is.
    fn build(self) -> PathBuf {
        let libc = if cfg!(target_env = "musl") { "musl" } else { "gnu" };
        let target = format!("x86_64-unknown-linux-{libc}");
        let mut cargo = machine::cargo();
        cargo.args(["build", "--quiet", "--release", "--example", "sandbox"]);
        let directory = machine::build_directory();
        let directory = directory.parent().expect("it is in the target directory");
        cargo.arg("--target-dir").arg(directory).current_dir(machine::repository());
        let built = match self {
            Linked::AsUsual => directory.join("release"),
            Linked::Statically => {
                cargo.args(["--target", &target]).env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
                directory.join(&target).join("release")
            }
        };
        assert!(cargo.status().expect("cargo runs").success(), "the example builds");
        built.join("examples/sandbox")
    }
}

pub(crate) fn measure() -> Vec<Row> {
    const MOST: f64 = 0.6;
    let of_example = |linked: Linked| {
        let mut command = Command::new(linked.build());
        command.arg("/bin/true");
        beside_bwrap(
            command,
            &linked.work(),
            "`bwrap` with the same namespaces and mounts",
            Some(MOST),
        )
    };
    let mut unshare = Command::new("unshare");
    unshare.args(UNSHARE);
    let work = "`unshare`, every namespace, a new `/proc`, `/bin/true`";
    let rows = [
        of_example(Linked::AsUsual),
        of_example(Linked::Statically),
        beside_bwrap(unshare, work, "`bwrap` with the same namespaces, and all the mounts", None),
    ];
    rows.into_iter().flatten().collect()
}

fn beside_bwrap(mut ours: Command, work: &str, peer: &str, most: Option<f64>) -> [Row; 2] {
    let work = |time: &str| format!("{work}: {time} time");
    let not_measured = |why: &str| {
        let row = |time| Row::not_measured(work(time), peer, Unit::Times, most, why);
        ["wall", "cpu"].map(row)
    };
    if !machine::has("bwrap") {
        return not_measured("bwrap is not installed");
    }
    let mut theirs = Command::new("bwrap");
    theirs.args(BWRAP);
    for command in [&mut ours, &mut theirs] {
        match command.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => return not_measured(String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) => return not_measured(&error.to_string()),
        }
    }
    // What is left of a sandbox when its program has returned comes to this process.
    set_child_subreaper(Some(getpid())).expect("any process may be one");
    let turns = Turns { pairs: 101, per_turn: 2 };
    let [wall, cpu] =
        turns.take_spent(|count| run(&mut ours, count), |count| run(&mut theirs, count));
    set_child_subreaper(None).expect("as before");
    let [wall, cpu] = [wall, cpu].map(|pairs| Comparison::of(&pairs));
    [Row::times(work("wall"), peer, most, &wall), Row::times(work("cpu"), peer, most, &cpu)]
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
