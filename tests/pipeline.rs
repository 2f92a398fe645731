//! The pipeline example: its output, and its errors, each of which leaves nothing behind.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The example, built if need be.
fn pipeline() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let path = BUILT.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", "pipeline", "--target-dir"])
            .arg(&directory)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success());
        directory.join("debug/examples/pipeline")
    });
    Command::new(path)
}

/// Building it is not what has to be done in time.
fn deadline(test: impl FnOnce()) {
    let _built = pipeline();
    common::deadline(test);
}

/// A file of this test's own.
fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path
}

fn fails(output: Output, message: &str) {
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(message), "{error}");
}

#[test]
fn counts_words_and_tells_every_exit() {
    deadline(|| {
        let path = file("words", "The the THE quick; quick brown\n\n\tfox, the\n");
        let output = pipeline().arg(path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        let counts = [["4", "the"], ["2", "quick"], ["1", "brown"], ["1", "fox"]];
        assert_eq!(lines[..4], counts);
        assert_eq!(lines.len(), 4 + 7);
        assert!(lines[4..].iter().all(|line| line[2..] == ["exit", "status:", "0"]), "{text}");
    });
}

#[test]
fn ten_words_at_most_of_a_large_file() {
    deadline(|| {
        let words: String = (0..200_000)
            .map(|n| {
                let letter = |n: u32| char::from(b'a' + (n % 26) as u8);
                format!("{}{}{} ", letter(n), letter(n / 26), letter(n / 676))
            })
            .collect();
        let output = pipeline().arg(file("large", &words)).output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 10 + 7);
    });
}

#[test]
fn an_empty_file_has_no_words() {
    deadline(|| {
        let output = pipeline().arg(file("empty", "")).output().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 7);
    });
}

#[test]
fn a_missing_file_is_named() {
    deadline(|| {
        let output = pipeline().arg("/no/such/file").output().unwrap();
        fails(output, "pipeline: /no/such/file: openat: No such file or directory");
    });
}

#[test]
fn a_missing_program_is_named() {
    deadline(|| {
        let path = file("for-missing", "words\n");
        let output = pipeline().arg(path).env("PATH", "/nowhere").output().unwrap();
        fails(output, "pipeline: tr: execve: No such file or directory");
    });
}

/// Programs of that name which are scripts of ours, before the real ones.
fn with_program(directory: &str, name: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    fs::create_dir_all(&directory).unwrap();
    let program = directory.join(name);
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_stage_killed_by_a_signal_is_named() {
    deadline(|| {
        let path = file("for-killed", "words\n");
        let search = with_program("killed", "uniq", "kill -KILL $$");
        let output = pipeline().arg(path).env("PATH", search).output().unwrap();
        fails(output, "pipeline: uniq: signal: 9 (SIGKILL)");
    });
}

#[test]
fn a_stage_that_fails_to_start_leaves_no_other_behind() {
    deadline(|| {
        // The first stages run, and the first writes down who it is; the fifth is missing.
        let path = file("for-left", "words\n");
        let pids = Path::new(env!("CARGO_TARGET_TMPDIR")).join("left.pids");
        fs::write(&pids, "").unwrap();
        let script = format!("echo $$ >> {}; exec /usr/bin/env -i sleep 1000", pids.display());
        let search = with_program("left", "tr", &script);
        let only: Vec<&str> = search.split(':').take(1).collect();
        let output = pipeline().arg(path).env("PATH", only.join(":")).output().unwrap();
        fails(output, "pipeline: sed: execve: No such file or directory");
        for pid in fs::read_to_string(pids).unwrap().lines() {
            let pid: i32 = pid.parse().unwrap();
            common::until("killed with the others", || common::is_dead(pid));
        }
    });
}
