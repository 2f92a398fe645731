//! Each argument that has a brand, of each call, is refused by the compiler if it is of another namespace, and it is that
//! argument that it complains about.

#![forbid(unsafe_code)]

#[path = "common/calls.rs"]
mod calls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use calls::calls;

/// What does not compile.
const EVERY_CALL: &str = "tests/refused/every_call.rs";

/// Where the compiler complains: in which line, and from which column on.
type Complaints = BTreeMap<usize, Vec<usize>>;

/// Has cargo check a package that consists of [`EVERY_CALL`].
fn complaints() -> Complaints {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every_call");
    fs::create_dir_all(&package).expect("the package's directory can be made");
    let manifest = format!(
        "[package]\nname = 'every-call'\nedition = '2024'\n\n\
         [dependencies]\nnearfar = {{ path = {here:?} }}\n\n\
         [[bin]]\nname = 'every_call'\npath = {:?}\n\n[workspace]\n",
        here.join(EVERY_CALL)
    );
    fs::write(package.join("Cargo.toml"), manifest).expect("the manifest can be written");
    // The same dependencies, as far as it has them.
    let _none_yet = fs::copy(here.join("Cargo.lock"), package.join("Cargo.lock"));
    let cargo = Command::new(env::var_os("CARGO").expect("cargo runs the tests"))
        .current_dir(&package)
        .args(["check", "--quiet", "--message-format=short", "--target-dir"])
        .arg(package.join("target"))
        .env_remove("RUSTFLAGS")
        .output();
    let cargo = cargo.expect("cargo can be run");
    assert!(!cargo.status.success(), "all of it compiles");
    let text = String::from_utf8(cargo.stderr).expect("cargo writes text");
    let mut complaints = Complaints::new();
    for line in text.lines() {
        let Some((_, place)) = line.split_once("every_call.rs:") else { continue };
        let mut parts = place.splitn(3, ':');
        let mut number = || parts.next()?.parse::<usize>().ok();
        let (Some(line_number), Some(column)) = (number(), number()) else { continue };
        let message = parts.next().unwrap_or_default().trim_start();
        if message.starts_with("error") {
            complaints.entry(line_number).or_default().push(column);
        }
    }
    assert!(!complaints.is_empty(), "{text}");
    complaints
}

/// What begins here, up to the comma or bracket behind it.
fn expression(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|character| {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        depth < 0 || depth == 0 && [',', ';'].contains(&character)
    });
    &text[..end.unwrap_or(text.len())]
}

#[test]
fn every_argument_is_checked() {
    let source = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(EVERY_CALL));
    let source = source.expect("it is there");
    let mut complaints = complaints();
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        let found = complaints.remove(&number).unwrap_or_default();
        let is_call = line.starts_with("    let _ = ");
        let is_right = match found[..] {
            [] => !is_call,
            [column] => is_call && expression(&line[column - 1..]).contains("their_"),
            _ => false,
        };
        if !is_right {
            wrong.push(format!("{EVERY_CALL}:{number}: at {found:?}: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One takes a type of the caller's, and two are for tasks of which the types do not tell.
const OTHERS: [&str; 3] = ["ioctl", "setns_pid_in_place", "unshare_files_in_place"];

#[test]
fn no_call_is_left_out() {
    let tried = include_str!("refused/every_call.rs");
    let left_out = calls().filter(|call| {
        call.is_checked && !OTHERS.contains(&call.name) && !call.is_made_in(tried, "")
    });
    let left_out: Vec<_> = left_out.map(|call| (call.of_trait, call.name)).collect();
    assert_eq!(left_out, [], "these are not tried");
}
