//! What `super::Command` does, whichever that is.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use super::*;
use crate::common::{
    another_host, copy_program, deadline, is_dead, is_gone, until, until_blocked_in,
};
use crate::directory;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// What a program prints that succeeds.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {:?}", output.status, output.stderr);
    String::from_utf8(output.stdout).unwrap()
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// Why a program cannot be started.
#[track_caller]
fn refused(command: &mut Command) -> ErrorKind {
    command.spawn().expect_err("there should be no child").kind()
}

/// A program that ends when its standard input does.
fn cat() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// What `/proc/PID/stat` has after the name: the state, the parent, the group, the session, ...
fn stat(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn exit_code() {
    deadline(|| {
        for code in [0, 1, 3, 255] {
            let status = sh(&format!("exit {code}")).status().unwrap();
            assert_eq!((status.code(), status.signal()), (Some(code), None));
            assert_eq!(status.success(), code == 0);
        }
    });
}

#[test]
fn signal_is_a_failure() {
    deadline(|| {
        for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGUSR1] {
            let status = sh(&format!("kill -{signal} $$")).status().unwrap();
            assert_eq!((status.code(), status.signal()), (None, Some(signal)));
            assert!(!status.success());
        }
    });
}

#[test]
fn output_has_status_and_both_streams() {
    deadline(|| {
        let output = sh("echo out; echo err >&2; exit 7").output().unwrap();
        assert_eq!(output.status.code(), Some(7));
        assert_eq!(output.stdout, b"out\n");
        assert_eq!(output.stderr, b"err\n");
    });
}

#[test]
fn output_does_not_inherit_the_input() {
    deadline(|| {
        assert_eq!(printed(&mut Command::new("cat")), "");
        let input = printed(Command::new("readlink").arg("/proc/self/fd/0"));
        assert_eq!(input, "/dev/null\n");
        // A piped one is at its end at once.
        assert_eq!(printed(Command::new("cat").stdin(Stdio::piped())), "");
    });
}

#[test]
fn output_keeps_what_was_said_of_the_streams() {
    deadline(|| {
        let output = sh("echo out; echo err >&2").stdout(Stdio::null()).output().unwrap();
        assert_eq!(output.stdout, b"");
        assert_eq!(output.stderr, b"err\n");
    });
}

#[test]
fn spawn_and_status_inherit_the_streams() {
    deadline(|| {
        let ours: Vec<_> =
            (0..3).map(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).unwrap()).collect();
        // By then its loader is done.
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        until_blocked_in(child.id(), libc::SYS_clock_nanosleep);
        let link = |fd| fs::read_link(format!("/proc/{}/fd/{fd}", child.id())).unwrap();
        assert_eq!((0..3).map(link).collect::<Vec<_>>(), ours);
        assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn null_is_an_end_and_a_sink() {
    deadline(|| {
        let mut command = sh("cat && echo out && echo err >&2");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(command.status().unwrap().success());
    });
}

#[test]
fn the_last_thing_said_of_a_stream_counts() {
    deadline(|| {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        assert!(child.stdin.is_none() && child.stdout.is_some());
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn environment_is_inherited() {
    deadline(|| {
        let printed = printed(&mut Command::new("env"));
        let expected = format!("PATH={}", std::env::var("PATH").unwrap());
        assert!(lines(&printed).contains(&&*expected), "{printed}");
    });
}

#[test]
fn environment_is_set_and_overridden_and_removed() {
    deadline(|| {
        let mut command = Command::new("/usr/bin/env");
        command.env("TEST_ENV_ONE", "first").env("TEST_ENV_ONE", "second").env("TEST_ENV_TWO", "");
        command.envs([("TEST_ENV_THREE", "3"), ("TEST_ENV_FOUR", "a=b c")]);
        command.env("TEST_ENV_FIVE", "x").env_remove("TEST_ENV_FIVE");
        command.env_remove("PATH");
        let printed = printed(&mut command);
        let mut ours: Vec<_> =
            lines(&printed).into_iter().filter(|line| line.starts_with("TEST_ENV_")).collect();
        ours.sort_unstable();
        let expected =
            ["TEST_ENV_FOUR=a=b c", "TEST_ENV_ONE=second", "TEST_ENV_THREE=3", "TEST_ENV_TWO="];
        assert_eq!(ours, expected);
        assert!(!lines(&printed).iter().any(|line| line.starts_with("PATH=")), "{printed}");
    });
}

#[test]
fn an_emptied_environment_has_no_variables() {
    deadline(|| {
        let mut command = Command::new("/usr/bin/env");
        command.env("NEARFAR_FORGOTTEN", "x").env_clear();
        assert_eq!(printed(&mut command), "");
        command.env("NEARFAR_ONLY", "y");
        assert_eq!(printed(&mut command), "NEARFAR_ONLY=y\n");
        command.env_remove("NEARFAR_ONLY");
        assert_eq!(printed(&mut command), "");
    });
}

#[test]
fn bytes_that_are_no_text_arrive() {
    use std::os::unix::ffi::OsStrExt;
    deadline(|| {
        let odd = OsStr::from_bytes(b"\xff\x01 '\"\n");
        let output = sh("printf %s \"$1\"; printf %s \"$NEARFAR_ODD\"")
            .arg("sh")
            .arg(odd)
            .env("NEARFAR_ODD", odd)
            .output()
            .unwrap();
        assert_eq!(output.stdout, [odd.as_bytes(), odd.as_bytes()].concat());
    });
}

#[test]
fn a_path_that_is_given_is_the_one_that_is_searched() {
    deadline(|| {
        let directory = directory();
        let program = directory.join("nearfar-program");
        fs::write(&program, "#!/bin/sh\necho found\n").unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("nearfar-program");
        assert_eq!(refused(&mut command), ErrorKind::NotFound);
        command.env("PATH", &directory);
        assert_eq!(printed(&mut command), "found\n");
        command.env("PATH", format!("/nowhere:/dev/null:{}", directory.display()));
        assert_eq!(printed(&mut command), "found\n");
        // An empty element is the working directory, which is the program's.
        command.env("PATH", "/nowhere:").current_dir(&directory);
        assert_eq!(printed(&mut command), "found\n");
        fs::remove_dir_all(directory).unwrap();
    });
}

#[test]
fn without_a_path_there_are_the_usual_places() {
    deadline(|| {
        assert!(Command::new("true").env_clear().status().unwrap().success());
        assert!(Command::new("true").env_remove("PATH").status().unwrap().success());
        let mut command = Command::new("true");
        assert_eq!(refused(command.env("PATH", "/nowhere")), ErrorKind::NotFound);
    });
}

#[test]
fn what_is_in_the_path_and_cannot_be_executed() {
    deadline(|| {
        let mut command = Command::new("passwd");
        assert_eq!(refused(command.env("PATH", "/etc:/nowhere")), ErrorKind::PermissionDenied);
        // What comes later is still found.
        let mut command = Command::new("passwd");
        command.arg("--help").env("PATH", "/etc:/usr/bin").stdout(Stdio::null());
        assert!(command.spawn().unwrap().wait().is_ok());
        let mut command = Command::new("true");
        assert_eq!(refused(command.env("PATH", "/dev/null")), ErrorKind::NotADirectory);
    });
}

#[test]
fn a_directory_of_the_path_that_is_too_long_is_passed_over() {
    deadline(|| {
        let long = format!("/{}:/usr/bin:/bin", "x".repeat(5000));
        assert!(Command::new("true").env("PATH", long).status().unwrap().success());
    });
}

#[test]
fn programs_that_cannot_be_started() {
    deadline(|| {
        let kind = |program: &str| refused(&mut Command::new(program));
        assert_eq!(kind("nearfar-no-such-program"), ErrorKind::NotFound);
        assert_eq!(kind("/nowhere/at/all"), ErrorKind::NotFound);
        assert_eq!(kind(""), ErrorKind::NotFound);
        assert_eq!(kind("/dev/null/program"), ErrorKind::NotADirectory);
        assert_eq!(kind("/usr/bin/"), ErrorKind::PermissionDenied);
        assert_eq!(kind("/etc/passwd"), ErrorKind::PermissionDenied);
        assert_eq!(kind(&"x".repeat(300)), ErrorKind::InvalidFilename);
        assert_eq!(kind(&format!("/{}", "x/".repeat(3000))), ErrorKind::InvalidFilename);
    });
}

#[test]
fn a_failed_spawn_can_be_mended() {
    deadline(|| {
        let mut command = Command::new("true");
        command.current_dir("/nowhere");
        assert_eq!(refused(&mut command), ErrorKind::NotFound);
        assert!(command.current_dir("/").status().unwrap().success());
    });
}

#[test]
fn nul_bytes_are_invalid() {
    deadline(|| {
        let invalid = ErrorKind::InvalidInput;
        assert_eq!(refused(&mut Command::new("tr\0ue")), invalid);
        assert_eq!(refused(Command::new("true").arg("\0")), invalid);
        assert_eq!(refused(Command::new("true").arg0("a\0b")), invalid);
        assert_eq!(refused(Command::new("true").env("NEARFAR", "a\0b")), invalid);
        assert_eq!(refused(Command::new("true").env("NEAR\0FAR", "")), invalid);
        assert_eq!(refused(Command::new("true").current_dir("/\0")), invalid);
        assert_eq!(Command::new("true").arg("\0").output().unwrap_err().kind(), invalid);
        assert_eq!(Command::new("true").arg("\0").status().unwrap_err().kind(), invalid);
    });
}

#[test]
fn arguments_are_too_long() {
    deadline(|| {
        let mut command = Command::new("true");
        // More than a quarter of any stack limit, and each less than a single one may have.
        command.args(vec!["x".repeat(100_000); 200]);
        assert_eq!(refused(&mut command), ErrorKind::ArgumentListTooLong);
        let mut command = Command::new("true");
        assert_eq!(refused(command.arg("x".repeat(1 << 20))), ErrorKind::ArgumentListTooLong);
        // What fits arrives.
        let output = sh("echo $#").arg("sh").args(vec!["y"; 10_000]).output().unwrap();
        assert_eq!(output.stdout, b"10000\n");
    });
}

#[test]
fn the_working_directory_comes_first() {
    deadline(|| {
        assert_eq!(
            printed(Command::new("/bin/pwd").current_dir("/usr").env_remove("PWD")),
            "/usr\n"
        );
        // A relative program is relative to it, and so is a link to oneself.
        let directory = directory();
        fs::create_dir(directory.join("inside")).unwrap();
        std::os::unix::fs::symlink("/bin/echo", directory.join("inside/program")).unwrap();
        let mut command = Command::new("./program");
        assert_eq!(refused(&mut command), ErrorKind::NotFound);
        assert_eq!(printed(command.arg("here").current_dir(directory.join("inside"))), "here\n");
        let mut command = Command::new("inside/program");
        assert_eq!(printed(command.arg("there").current_dir(&directory)), "there\n");
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(refused(Command::new("true").current_dir("/nowhere")), ErrorKind::NotFound);
        let kind = refused(Command::new("true").current_dir("/dev/null"));
        assert_eq!(kind, ErrorKind::NotADirectory);
    });
}

#[test]
fn the_name_can_be_another() {
    deadline(|| {
        let mut command = Command::new("cat");
        assert_eq!(
            printed(command.arg0("called-so").arg("/proc/self/cmdline")),
            "called-so\0/proc/self/cmdline\0"
        );
        // By default it is what was given, not where it was found.
        let mut command = Command::new("cat");
        let expected = "cat\0/proc/self/cmdline\0";
        assert_eq!(printed(command.arg("/proc/self/cmdline")), expected);
    });
}

#[test]
fn both_ways_through_pipes() {
    deadline(|| {
        let mut child = cat();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdin.write_all(b"there").unwrap();
        let mut back = [0; 5];
        stdout.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"there");
        drop(stdin);
        assert_eq!(stdout.read(&mut back).unwrap(), 0);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn the_program_does_not_read_its_input() {
    deadline(|| {
        let mut child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.as_mut().unwrap();
        // More than any pipe holds.
        let error = stdin.write_all(&vec![0; 4 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn its_end_of_a_pipe_is_held_by_the_program_alone() {
    deadline(|| {
        let mut child = sh("exec <&- >&-; exec sleep 1000")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(child.stdout.take().unwrap().read(&mut [0]).unwrap(), 0);
        // What another test forks has it as well, until it executes its program.
        let mut stdin = child.stdin.take().unwrap();
        until("nobody can read", || match stdin.write(b"x") {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::BrokenPipe,
        });
        child.kill().unwrap();
        child.wait().unwrap();
    });
}

#[test]
fn much_output_on_both_pipes_at_once() {
    deadline(|| {
        const SIZE: usize = 5 << 20;
        let script = format!("head -c {SIZE} /dev/zero >&2 & head -c {SIZE} /dev/zero; wait");
        let output = sh(&script).output().unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.len(), output.stderr.len()), (SIZE, SIZE));
        // One after the other, the second first.
        let script = format!("head -c {SIZE} /dev/zero >&2; head -c {SIZE} /dev/zero");
        let mut command = sh(&script);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.len(), output.stderr.len()), (SIZE, SIZE));
    });
}

#[test]
fn wait_with_output_of_what_is_piped() {
    deadline(|| {
        let mut command = sh("cat; echo out; echo err >&2; exit 4");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        assert_eq!((&*output.stdout, &*output.stderr), (&b""[..], &b"err\n"[..]));
        // What was taken is not waited for.
        let mut child = cat();
        let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        drop(stdin);
        assert_eq!(stdout.read(&mut [0]).unwrap(), 0);
        assert_eq!(child.wait_with_output().unwrap().stdout, b"");
    });
}

#[test]
fn waiting_twice_gives_the_same() {
    deadline(|| {
        let mut child = sh("exit 42").spawn().unwrap();
        let id = child.id();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(42));
        assert!(is_gone(id));
        assert_eq!(child.wait().unwrap(), status);
        assert_eq!(child.try_wait().unwrap(), Some(status));
        assert_eq!(child.id(), id);
        assert_eq!(child.wait_with_output().unwrap().status, status);
    });
}

#[test]
fn waiting_closes_the_input() {
    deadline(|| {
        let mut child = cat();
        assert!(child.wait().unwrap().success());
        assert!(child.stdin.is_none());
    });
}

#[test]
fn try_wait_has_nothing_and_then_the_status() {
    deadline(|| {
        let mut child = cat();
        assert_eq!(child.try_wait().unwrap(), None);
        // That has left the input open.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        drop(child.stdin.take());
        let mut status = None;
        until("ended", || {
            status = child.try_wait().unwrap();
            status.is_some()
        });
        assert!(status.unwrap().success());
        assert!(is_gone(child.id()));
        assert_eq!(child.try_wait().unwrap(), status);
    });
}

#[test]
fn kill_and_kill_again() {
    deadline(|| {
        let mut child = cat();
        child.kill().unwrap();
        until("dead", || is_dead(child.id()));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        child.kill().unwrap();
    });
}

#[test]
fn drop_does_not_kill() {
    deadline(|| {
        let mut child = cat();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let id = child.id();
        drop(child);
        stdin.write_all(b"x").unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdin);
        until("ended", || is_dead(id));
        reap(id);
    });
}

/// Whoever has dropped a child leaves it to this. It may have been done.
fn reap(pid: u32) {
    // SAFETY: asks for no status, of a child that nobody else waits for by now.
    unsafe { libc::waitpid(pid as i32, std::ptr::null_mut(), 0) };
    assert!(is_gone(pid));
}

#[test]
fn one_command_many_programs() {
    deadline(|| {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut children = [command.spawn().unwrap(), command.spawn().unwrap()];
        assert_ne!(children[0].id(), children[1].id());
        for (text, child) in ["first", "other"].into_iter().zip(&mut children) {
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        }
        let [first, other] = children.map(|child| child.wait_with_output().unwrap().stdout);
        assert_eq!((&*first, &*other), (&b"first"[..], &b"other"[..]));
        // What is added later is for those that come later.
        let mut command = Command::new("echo");
        assert_eq!(printed(command.arg("a")), "a\n");
        assert_eq!(printed(command.arg("b")), "a b\n");
        assert_eq!(printed(&mut command), "a b\n");
    });
}

#[test]
fn streams_to_and_from_files() {
    deadline(|| {
        let directory = directory();
        let path = directory.join("log");
        fs::write(&path, "before\n").unwrap();
        let log = OpenOptions::new().append(true).open(&path).unwrap();
        let mut command = sh("cat; echo err >&2");
        command.stdin(File::open("/proc/self/comm").unwrap());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        assert!(command.status().unwrap().success());
        // The command keeps them for the next program; its input is at its end by now.
        assert!(command.status().unwrap().success());
        let comm = fs::read_to_string("/proc/self/comm").unwrap();
        let written = fs::read_to_string(&path).unwrap();
        assert_eq!(written, format!("before\n{comm}err\nerr\n"));
        fs::remove_dir_all(directory).unwrap();
    });
}

#[test]
fn a_pipeline() {
    deadline(|| {
        let mut first = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
        let last = Command::new("head")
            .args(["-n", "2"])
            .stdin(first.stdout.take().unwrap())
            .output()
            .unwrap();
        assert_eq!(last.stdout, b"y\ny\n");
        // Nobody else holds the pipe, and the signal does what it does by default.
        assert_eq!(first.wait().unwrap().signal(), Some(libc::SIGPIPE));
        // Into another program's input.
        let mut last = cat();
        let mut command = Command::new("echo");
        let status = command.arg("through").stdout(last.stdin.take().unwrap()).status().unwrap();
        drop(command);
        assert!(status.success());
        assert_eq!(last.wait_with_output().unwrap().stdout, b"through\n");
    });
}

#[test]
fn signals_are_as_at_the_start() {
    deadline(|| {
        let status = printed(Command::new("cat").arg("/proc/self/status"));
        let value = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap()
        };
        assert_eq!((value("SigBlk"), value("SigCgt"), value("SigPnd")), (0, 0, 0));
        // The test runner ignores it, as every Rust program does.
        assert_eq!(value("SigIgn") & 1 << (libc::SIGPIPE - 1), 0);
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_with_groups() {
    let groups = |command: &mut Command| printed(command.args(["Groups", "/proc/self/status"]));
    assert_eq!(groups(&mut Command::new("grep")).trim_end(), "Groups:\t65531 65532");
    assert_eq!(groups(Command::new("grep").gid(65533)).trim_end(), "Groups:\t65531 65532");
    assert_eq!(groups(Command::new("grep").uid(65534)).trim_end(), "Groups:");
    assert_eq!(groups(Command::new("grep").uid(65534).gid(65533)).trim_end(), "Groups:");
}

#[test]
fn another_user_has_none_of_our_groups() {
    deadline(|| {
        // It needs to be root.
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut host = another_host(&format!("{module}::host_with_groups"));
        let join = || {
            let groups = [65531, 65532];
            // SAFETY: the list is a local.
            let joined = unsafe { libc::setgroups(groups.len(), groups.as_ptr()) };
            if joined < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: makes one call.
        unsafe { std::os::unix::process::CommandExt::pre_exec(&mut host, join) };
        let output = host.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    });
}

#[test]
fn another_user() {
    deadline(|| {
        // It needs to be root.
        let mut command = Command::new("cat");
        command.arg("/proc/self/status").uid(65534).gid(65533);
        let status = printed(&mut command);
        let line = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().skip(1).map(|id| id.parse().unwrap()).collect::<Vec<u32>>()
        };
        assert_eq!(line("Uid:"), [65534; 4]);
        assert_eq!(line("Gid:"), [65533; 4]);
        // What the user may not execute is refused.
        let directory = directory();
        let program = directory.join("program");
        copy_program("/bin/true", &program);
        fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
        let mut command = Command::new(&program);
        assert!(command.status().unwrap().success());
        assert_eq!(refused(command.uid(65534)), ErrorKind::PermissionDenied);
        fs::remove_dir_all(directory).unwrap();
    });
}

#[test]
fn process_groups() {
    deadline(|| {
        let group = |child: &Child| stat(child.id())[2].parse::<u32>().unwrap();
        let mut same = cat();
        let our_group = stat(std::process::id())[2].parse().unwrap();
        assert_eq!(group(&same), our_group);
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).process_group(0);
        let mut leader = command.spawn().unwrap();
        assert_eq!(group(&leader), leader.id());
        let mut member = command.process_group(leader.id() as i32).spawn().unwrap();
        assert_eq!(group(&member), leader.id());
        for child in [&mut same, &mut leader, &mut member] {
            child.wait().unwrap();
        }
        // There is no such group any more.
        assert_eq!(refused(&mut command), ErrorKind::PermissionDenied);
    });
}

#[test]
fn what_was_said_can_be_asked_for() {
    let mut command = Command::new("program");
    assert_eq!(command.get_program(), "program");
    assert_eq!(command.get_args().len(), 0);
    assert_eq!(command.get_envs().len(), 0);
    assert_eq!(command.get_current_dir(), None);
    command.arg0("other").arg("a").args(["b", "c"]).current_dir("/usr");
    command.env("B", "2").env("A", "1").env_remove("C");
    assert_eq!(command.get_program(), "program");
    assert_eq!(command.get_args().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((command.get_args().len(), command.get_envs().len()), (3, 3));
    assert_eq!(command.get_current_dir(), Some(Path::new("/usr")));
    let changes = |command: &Command| {
        let owned = |text: &OsStr| text.to_str().unwrap().to_owned();
        let changes = command.get_envs().map(|(name, value)| (owned(name), value.map(owned)));
        changes.collect::<Vec<_>>()
    };
    let set = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    assert_eq!(changes(&command), [set("A", "1"), set("B", "2"), ("C".to_owned(), None)]);
    command.env_clear().env("D", "4").env("E", "5");
    assert_eq!(changes(&command), [set("D", "4"), set("E", "5")]);
    // There is nothing to remove it from.
    command.env_remove("D").env_remove("F");
    assert_eq!(changes(&command), [set("E", "5")]);
}

#[test]
fn commands_and_children_go_to_other_threads() {
    fn goes<T: Send + Sync + 'static>() {}
    goes::<Command>();
    goes::<Child>();
    goes::<Stdio>();
    deadline(|| {
        let mut command = sh("exit 3");
        let spawned = std::thread::spawn(move || command.spawn().unwrap()).join().unwrap();
        // The thread that made it is gone, and it is still ours to wait for.
        let mut child = spawned;
        assert_eq!(child.wait().unwrap().code(), Some(3));
    });
}

#[test]
fn a_child_that_is_stopped_has_not_ended() {
    deadline(|| {
        let mut child = cat();
        // SAFETY: passes numbers.
        let signal = |signal| assert_eq!(unsafe { libc::kill(child.id() as i32, signal) }, 0);
        signal(libc::SIGSTOP);
        until("stopped", || stat(child.id())[0] == "T");
        assert_eq!(child.try_wait().unwrap(), None);
        // SAFETY: passes numbers.
        assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGCONT) }, 0);
        assert!(child.wait().unwrap().success());
    });
}
