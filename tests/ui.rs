//! What must not compile does not, says why, and is one line away from what does.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The toolchain whose words the `.stderr` files are in.
const TOOLCHAIN: &str = "1.95.0";

/// Set where the proofs must not be skipped.
const REQUIRED: &str = "NEARFAR_REQUIRE_UI";

#[test]
fn mistakes_are_refused_and_their_twins_run() {
    let tests = trybuild::TestCases::new();
    tests.pass("ui-tests/pass/*/*.rs");
    let found = toolchain();
    if found == TOOLCHAIN {
        tests.compile_fail("ui-tests/fail/*/*.rs");
        return;
    }
    let reason =
        format!("the .stderr files are in the words of rustc {TOOLCHAIN}, this is {found}");
    assert!(env::var_os(REQUIRED).is_none(), "{REQUIRED} is set, but {reason}");
    eprintln!("SKIPPED: that mistakes are refused has NOT been tested: {reason}");
}

/// The second word of `rustc --version`.
fn toolchain() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("rustc should run");
    let version = String::from_utf8(output.stdout).expect("the version should be text");
    version.split_whitespace().nth(1).unwrap_or("unknown").to_owned()
}

#[test]
fn the_readme_quotes_the_compiler() {
    let readme = fs::read_to_string("README.md").expect("the README should be readable");
    let quote = readme.split_once("```text\n").and_then(|(_, rest)| rest.split_once("```"));
    let (quote, _) = quote.expect("the README should quote an error");
    let message = Case::read(Path::new("fd_table/parent_writes_childs_private_fd")).message;
    // Without the line numbers, and some of the lines.
    let message: Vec<_> = message.lines().map(|line| line.replacen("12 |", "   |", 1)).collect();
    let mut said = message.iter();
    for line in quote.lines() {
        let is_said = match line.strip_suffix(" ...") {
            Some(beginning) => said.any(|said| said.starts_with(beginning)),
            None => said.any(|said| said == line),
        };
        assert!(is_said, "the compiler does not say, where it should: {line}");
    }
}

#[test]
fn house_rules() {
    let mistakes = cases("fail", "rs");
    assert!(!mistakes.is_empty(), "no ui tests found");
    let mut broken = Vec::new();
    for (kind, found) in [("twin", cases("pass", "rs")), (".stderr", cases("fail", "stderr"))] {
        for case in &mistakes - &found {
            broken.push(format!("{}: has no {kind}", case.display()));
        }
        for case in &found - &mistakes {
            broken.push(format!("{}: a {kind} without a mistake", case.display()));
        }
    }
    for case in &mistakes {
        let rules = Case::read(case).broken_rules();
        broken.extend(rules.iter().map(|rule| format!("{}: {rule}", case.display())));
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The files of a half of the ui tests, as `room/name`.
fn cases(half: &str, extension: &str) -> BTreeSet<PathBuf> {
    let half = Path::new("ui-tests").join(half);
    let entries = |directory: PathBuf| {
        let entries = fs::read_dir(directory).expect("the ui tests should be readable");
        entries.map(|entry| entry.expect("an entry").path())
    };
    entries(half.clone())
        .flat_map(entries)
        .filter(|file| file.extension().is_some_and(|found| found == extension))
        .map(|file| file.with_extension("").strip_prefix(&half).expect("its half").to_owned())
        .collect()
}

/// A mistake, its twin, and what the compiler says to it. What is missing is empty.
struct Case {
    name: String,
    room: String,
    mistake: String,
    twin: String,
    message: String,
}

impl Case {
    fn read(case: &Path) -> Self {
        let part = |part: Option<&OsStr>| part.expect("a name").to_string_lossy().into();
        let file = |half: &str, extension| {
            let file = Path::new("ui-tests").join(half).join(case).with_extension(extension);
            fs::read_to_string(file).unwrap_or_default()
        };
        Case {
            name: part(case.file_name()),
            room: part(case.parent().and_then(Path::file_name)),
            mistake: file("fail", "rs"),
            twin: file("pass", "rs"),
            message: file("fail", "stderr"),
        }
    }

    fn broken_rules(&self) -> Vec<&'static str> {
        let rules = [
            (self.name.split('_').count() >= 3, "its name is not a sentence"),
            (self.both(|text| text.starts_with("//! ")), "it does not say its rule"),
            (
                self.both(|text| text.contains("\n#![forbid(unsafe_code)]\n")),
                "it does not forbid unsafe code",
            ),
            (self.differing_lines() == 1, "its twin does not differ in exactly one line"),
            (self.complaints() == 1, "the compiler has not exactly one complaint"),
            (
                self.room != "brand" || !self.is_a_type_error(),
                "a type error hides that the lifetime is refused",
            ),
            (
                self.room != "fd_table" || self.namespaces_named() >= 2,
                "the compiler does not name both namespaces",
            ),
            (
                self.room != "fd_table"
                    || !self.message.contains("E0277")
                    || self.is_in_our_words(),
                "the compiler does not say what to do instead",
            ),
        ];
        rules.iter().filter(|(kept, _)| !kept).map(|(_, rule)| *rule).collect()
    }

    fn both(&self, holds: impl Fn(&str) -> bool) -> bool {
        holds(&self.mistake) && holds(&self.twin)
    }

    /// Lines that are not the same, counting those that only one of the two has.
    fn differing_lines(&self) -> usize {
        let (mistake, twin) = (self.mistake.lines(), self.twin.lines());
        let surplus = mistake.clone().count().abs_diff(twin.clone().count());
        surplus + mistake.zip(twin).filter(|(wrong, right)| wrong != right).count()
    }

    /// Warnings count, as they would divert from the error.
    fn complaints(&self) -> usize {
        let begins = |line: &&str| line.starts_with("error") || line.starts_with("warning");
        self.message.lines().filter(begins).count()
    }

    fn is_in_our_words(&self) -> bool {
        let ours = ["in this task's fd table", "cannot be inherited from the fd table"];
        self.message
            .lines()
            .next()
            .is_some_and(|first| ours.iter().any(|part| first.contains(part)))
    }

    fn is_a_type_error(&self) -> bool {
        ["E0271", "E0277", "E0308", "E0599"].iter().any(|code| self.message.contains(code))
    }

    /// How many of the namespaces in the file are in what the compiler says, leaving out the lines
    /// of the file that it quotes.
    fn namespaces_named(&self) -> usize {
        let quoted = |line: &&str| line.trim_start().starts_with(|first: char| first.is_numeric());
        let said: Vec<_> = self.message.lines().filter(|line| !quoted(line)).collect();
        self.namespaces().filter(|name| said.iter().any(|line| line.contains(name))).count()
    }

    /// The namespaces that the file declares, this process's, and those of generic tasks.
    fn namespaces(&self) -> impl Iterator<Item = &str> {
        let declared = self.mistake.split("brand!(").skip(1);
        let declared = declared.filter_map(|rest| rest.split_once(')')).map(|(names, _)| names);
        let declared = declared.flat_map(|names| names.split(", "));
        let generic = ["<K as nearfar::far::Task>", "<L as nearfar::far::Task>", "Fd<Outer>"];
        declared.chain(["host_fds"]).chain(generic)
    }
}
