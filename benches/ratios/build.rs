//! What it costs to compile the library, and what uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Comparison, Row, Spent, Turns, Unit, time};
use crate::machine;

/// A package with one dependency.
struct Package {
    directory: PathBuf,
    source: &'static str,
}

const OURS: &str = r#"
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zero = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let mut buffer = [0; 16];
    println!("{}", here.read(&zero, &mut buffer)?);
    Ok(())
}
"#;

const THEIRS: &str = r#"
use rustix::fs::{CWD, Mode, OFlags, openat};

fn main() -> rustix::io::Result<()> {
    let zero = openat(CWD, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let mut buffer = [0; 16];
    println!("{}", rustix::io::read(&zero, &mut buffer)?);
    Ok(())
}
"#;

impl Package {
    fn new(name: &str, dependency: &str, source: &'static str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ratios").join(name);
        fs::create_dir_all(directory.join("src"))
            .expect("the target directory is cargo's to write to");
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n"
        );
        fs::write(directory.join("Cargo.toml"), manifest).expect("as above");
        let package = Package { directory, source };
        package.change(0);
        package
    }

    fn change(&self, times: usize) {
        let source = format!("{}// {times}\n", self.source);
        fs::write(self.directory.join("src/main.rs"), source).expect("as above");
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = machine::cargo();
        cargo.args(arguments).args(["--quiet", "--offline", "--target-dir", "target"]);
        cargo.current_dir(&self.directory);
        cargo
    }

    /// Builds it, and all it depends on, from nothing.
    fn build(&self) -> Spent {
        // It is not there the first time.
        let _absent = fs::remove_dir_all(self.directory.join("target/release"));
        machine::spend(|| succeed(&mut self.cargo(&["build", "--release"])))
    }

    /// Checks it after a change: in seconds.
    fn check(&self, times: &mut usize) -> f64 {
        *times += 1;
        self.change(*times);
        time(1, &mut || succeed(&mut self.cargo(&["check"])))
    }
}

fn succeed(command: &mut Command) {
    assert!(command.status().expect("cargo runs").success());
}

/// What a dependency of this package is in its manifest.
fn dependency(name: &str) -> String {
    let manifest =
        fs::read_to_string(machine::repository().join("Cargo.toml")).expect("it is there");
    let start = format!("{name} = ");
    let line = manifest.lines().find(|line| line.starts_with(&start)).expect("it depends on it");
    line.into()
}

pub(crate) fn measure() -> Vec<Row> {
    let (building, checking) =
        ("a clean release build", "`cargo check` after a change of a program that uses it");
    let peer = "rustix with the same features";
    let ours =
        Package::new("ours", &format!("nearfar = {{ path = {:?} }}", machine::repository()), OURS);
    let theirs = Package::new("theirs", &dependency("rustix"), THEIRS);
    for package in [&ours, &theirs] {
        let output = package.cargo(&["check"]).output().expect("cargo runs");
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            return vec![
                Row::not_measured(building, peer, Unit::Times, 2.0, &said),
                Row::not_measured(checking, peer, Unit::Times, 1.1, said),
            ];
        }
    }
    let (mut our_changes, mut their_changes) = (0, 0);
    let checked = Turns { pairs: 15, per_turn: 1 }
        .compare_by(|_| ours.check(&mut our_changes), |_| theirs.check(&mut their_changes));
    let built = Turns { pairs: 3, per_turn: 1 }.take_spent(|_| ours.build(), |_| theirs.build());
    let [wall, cpu] = built.map(|pairs| Comparison::of(&pairs));
    vec![
        Row::times(format!("{building}: wall time"), peer, 2.0, &wall),
        Row::times(format!("{building}: cpu time"), peer, None, &cpu),
        Row::times(checking, peer, 1.1, &checked),
    ]
}
