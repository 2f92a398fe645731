//! The sandbox example: what a program sees in it, what becomes of it, and what is left.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{ForEverybody, is_gone, until};
use nearfar::IdMap;
use nearfar::prelude::*;
use nearfar::process::Child;
use nearfar::rustix::process::{Pid, kill_process};

/// Builds the example, and says where it is.
fn sandbox() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let built = Command::new(cargo).args(["build", "--example", "sandbox"]).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let test = std::env::current_exe().expect("this program is a file");
        test.ancestors().nth(2).expect("it is in deps").join("examples/sandbox")
    });
    Command::new(program)
}

/// Building it is not what has to be done in time.
fn deadline(test: impl FnOnce()) {
    let _built = sandbox();
    common::deadline(test);
}

/// What a shell prints in the sandbox.
fn shell(options: &[&str], script: &str) -> Output {
    sandbox().args(options).args(["sh", "-c", script]).output().unwrap()
}

fn printed(options: &[&str], script: &str) -> String {
    let output = shell(options, script);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn root_inside_with_the_standard_fds_and_a_handful_of_processes() {
    deadline(|| {
        let text = printed(&[], "id -u; ls /proc/self/fd; ls /proc | grep -c ^[0-9]");
        let lines: Vec<&str> = text.lines().collect();
        let [user, fds @ .., processes] = &lines[..] else { panic!("{text}") };
        // The last one is that of `ls`.
        assert_eq!((*user, fds), ("0", &["0", "1", "2", "3"][..]));
        assert!(processes.parse::<u32>().unwrap() < 10);
    });
}

#[test]
fn no_capability_and_no_way_to_get_one() {
    deadline(|| {
        let text = printed(&[], "grep -E '^(Cap|NoNewPrivs)' /proc/self/status");
        for line in text.lines() {
            let (name, value) = line.split_once(":\t").unwrap();
            let expected = if name == "NoNewPrivs" { "1" } else { "0000000000000000" };
            assert_eq!(value, expected, "{name}");
        }
    });
}

#[test]
fn every_namespace_is_its_own() {
    deadline(|| {
        let text = printed(&[], "cd /proc/self/ns; readlink user pid mnt net uts ipc; hostname");
        let (namespaces, name) = text.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(name, "sandbox");
        for (inside, kind) in namespaces.lines().zip(["user", "pid", "mnt", "net", "uts", "ipc"]) {
            let outside = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
            assert!(inside.starts_with(&format!("{kind}:[")));
            assert_ne!(outside.to_str().unwrap(), inside);
        }
    });
}

#[test]
fn only_tmp_and_what_is_bound_can_be_written_to() {
    deadline(|| {
        let directory =
            std::env::temp_dir().join(format!("nearfar-sandbox-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let path = directory.to_str().unwrap();
        let script = format!(
            "touch /etc/x 2>/dev/null && echo etc; touch /tmp/x && echo tmp; ls /tmp; \
             touch {path}/y 2>/dev/null && echo bound; true"
        );
        assert_eq!(printed(&[], &script), "tmp\nx\n");
        let leaf = directory.file_name().unwrap().to_str().unwrap();
        assert_eq!(printed(&["--bind", path], &script), format!("tmp\n{leaf}\nx\nbound\n"));
        assert!(directory.join("y").exists());
        fs::remove_dir_all(&directory).unwrap();
        assert!(!fs::exists("/etc/x").unwrap());
    });
}

#[test]
fn the_network_is_a_loopback_device_or_nothing() {
    deadline(|| {
        let has_route = "grep -q 127.0.0.1 /proc/net/fib_trie && echo loopback; ls /proc/1/net/dev";
        assert!(printed(&[], has_route).starts_with("loopback"));
        assert!(!printed(&["--no-net"], has_route).starts_with("loopback"));
        let devices = printed(&[], "tail -n +3 /proc/net/dev | grep -cv ' lo:'; true");
        // A kernel may add its own (tunnels that are down), but never one that leads anywhere.
        assert!(devices.trim().parse::<u32>().unwrap() < 10);
    });
}

#[test]
fn the_status_is_the_programs() {
    deadline(|| {
        assert_eq!(shell(&[], "exit 7").status.code(), Some(7));
        assert_eq!(shell(&[], "kill -9 $$").status.code(), Some(128 + 9));
        let output = sandbox().arg("no-such-program").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains("no-such-program: execve: No such file"), "{errors}");
        assert!(sandbox().output().unwrap().stderr.starts_with(b"sandbox: usage"));
    });
}

#[test]
fn orphans_are_waited_for() {
    deadline(|| {
        let script = "(true &) ; (true &) ; i=0; while grep -qs '^State:.Z' /proc/[0-9]*/status; \
                      do i=$((i+1)); [ $i -gt 100000 ] && exit 1; done; echo none";
        assert_eq!(printed(&[], script), "none\n");
    });
}

/// A sandbox with a program that waits for a signal, and the pids of everybody inside.
fn waiting() -> (Child, Vec<u32>) {
    let script = "trap 'exit 5' TERM; sleep 1000 & echo ready; wait";
    let mut command = nearfar::Command::new(sandbox().get_program());
    command.args(["sh", "-c", script]).stdout(nearfar::process::Stdio::piped());
    // Whatever becomes of the test.
    command.kill_on_drop(true).parent_death_signal(Signal::KILL);
    let mut outside = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(outside.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let mut inside = Vec::new();
    let mut parents = vec![outside.id()];
    while let Some(parent) = parents.pop() {
        let tasks = fs::read_dir(format!("/proc/{parent}/task")).unwrap();
        for task in tasks {
            let children = task.unwrap().path().join("children");
            let children = fs::read_to_string(children).unwrap_or_default();
            let children = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
            parents.extend(children.inspect(|pid| inside.push(*pid)));
        }
    }
    assert!(inside.len() >= 2, "the init and the shell, at least");
    (outside, inside)
}

fn signal(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(process as i32).unwrap(), signal).unwrap();
}

#[test]
fn signals_are_passed_on() {
    deadline(|| {
        let (mut outside, inside) = waiting();
        signal(outside.id(), Signal::TERM);
        assert_eq!(outside.wait().unwrap().code(), Some(5));
        until("nobody is left", || inside.iter().all(|pid| is_gone(*pid)));
    });
}

#[test]
fn a_killed_sandbox_leaves_nothing() {
    deadline(|| {
        let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
        let before = mounts();
        let (mut outside, inside) = waiting();
        signal(outside.id(), Signal::KILL);
        assert_eq!(outside.wait().unwrap().signal(), Some(9));
        until("nobody is left", || inside.iter().all(|pid| is_gone(*pid)));
        assert_eq!(mounts(), before);
    });
}

#[test]
fn an_ordinary_user_can_do_it() {
    deadline(|| {
        use std::os::unix::process::CommandExt;
        let copy = ForEverybody::copied(sandbox().get_program());
        let run = |command: &mut Command| {
            command.args(["sh", "-c", "id -u; touch /tmp/x && echo tmp"]);
            let output = command.current_dir("/").output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(String::from_utf8_lossy(&output.stdout), "0\ntmp\n", "{errors}");
        };
        // Needs to be root: to be somebody else.
        run(Command::new(copy.path()).uid(65534).gid(65534));
        // And with a capability, as services have.
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        setpriv.args(["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]);
        run(setpriv.arg(copy.path()));
    });
}

#[test]
fn what_is_missing_is_said() {
    deadline(|| {
        // As on a machine that does not let users have namespaces.
        let mut command = nearfar::Command::new(sandbox().get_program());
        command.arg("true").unshare(Namespaces::USER).uid_map(&[IdMap::own_uid_as(0)]);
        command.prepare(|child| {
            let most = "/proc/sys/user/max_user_namespaces";
            let most = child.openat(Cwd, most, OFlags::WRONLY, Mode::empty())?;
            child.write(&most, b"0")?;
            Ok(())
        });
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(errors.contains("no user namespaces (clone3: No space left on device"), "{errors}");
    });
}
