//! Programs under the init that this library brings along: what it is, what it does, and what is left of it.

#![allow(unsafe_code, reason = "asks to be traced")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use common::{
    ForEverybody, another_host, deadline, fds, host_of, is_dead, is_gone, numbers, passes, stat,
    state, status, this_program, until,
};
use nearfar::prelude::*;
use nearfar::rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use nearfar::task::SigAction;
use nearfar::{ChildProcess, Command, ErrorKind, IdMap, Namespaces, SeccompFilter};

fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

/// The children of a process, as this one sees them.
fn children(parent: u32) -> Vec<i32> {
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is_its = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent_of_it = stat.rsplit(')').next().unwrap_or_default().split_whitespace().nth(1);
        parent_of_it == Some(&parent.to_string())
    };
    pids.filter(is_its).collect()
}

/// The process that the init is there for.
fn program_of(init: &ChildProcess) -> i32 {
    let [program] = children(init.id())[..] else { panic!("it has one child") };
    program
}

fn lines(output: &[u8]) -> Vec<&str> {
    std::str::from_utf8(output).unwrap().lines().collect()
}

#[test]
fn it_is_1_and_has_nothing_that_is_ours() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let pid = init.host_pid();
        let script = shell("echo $$; read line");
        let (stdin, hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let process = init.program(&script).fd(0, &stdin).fd(1, &writer).exec_under_init().unwrap();
        drop(writer);
        let mut line = [0; 8];
        assert_eq!(here.read(&reader, &mut line).unwrap(), 2);
        assert_ne!(&line[..2], b"1\n");

        assert_eq!(process.pid(), pid);
        assert_eq!(status(pid.as_raw(), "NSpid"), format!("{}\t1", pid.as_raw()));
        assert_eq!(fds(pid).len(), 0);
        let about = |file: &str| fs::read(format!("/proc/{}/{file}", pid.as_raw())).unwrap();
        // The kernel may still be at it.
        until("it is the init", || about("cmdline") == b"init\0");
        assert_eq!(about("environ"), b"");
        let maps = about("maps");
        let files = lines(&maps).into_iter().filter(|line| line.contains('/'));
        assert_eq!(files.map(|line| line.contains("/memfd:init")).collect::<Vec<_>>(), [true]);
        drop((stdin, hold));
        assert!(process.wait().unwrap().code().is_some());
    });
}

#[test]
#[ignore = "counts its own fds: run by the test below"]
fn host_that_counts_its_fds() {
    let before = numbers(std::process::id());
    brand!(inner_pids);
    let init = Task::here().spawn_with_pids(inner_pids).unwrap();
    let process = init.program(&Program::new("true")).exec_under_init().unwrap();
    assert_eq!(numbers(std::process::id()).len(), before.len() + 1, "its pidfd");
    assert!(process.wait().unwrap().success());
    assert_eq!(numbers(std::process::id()), before);
}

#[test]
fn nothing_is_left_in_the_table_it_came_from() {
    passes("host_that_counts_its_fds");
}

#[test]
fn it_ends_as_the_program_does() {
    deadline(|| {
        for (script, code) in [
            ("exit 0", 0),
            ("exit 7", 7),
            ("exit 255", 255),
            ("kill -KILL $$", 128 + 9),
            ("kill -TERM $$", 128 + 15),
            // Another child ends before.
            ("(exit 3) & wait; exit 4", 4),
        ] {
            brand!(inner_pids);
            let init = Task::here().spawn_with_pids(inner_pids).unwrap();
            let process = init.program(&shell(script)).exec_under_init().unwrap();
            assert_eq!(process.wait().unwrap().code(), Some(code), "{script}");
        }
    });
}

#[test]
fn it_waits_for_orphans() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let (stdin, hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let script = shell("(sleep 0.01 & sleep 0.02 &); echo; read line");
        let process = init.program(&script).fd(0, &stdin).fd(1, &writer).exec_under_init().unwrap();
        here.read(&reader, &mut [0; 1]).unwrap();
        until("nobody is left but the program", || children(process.id()).len() == 1);
        assert!(!is_dead(program_of(&process)));
        drop(hold);
        assert!(process.wait().unwrap().code().is_some());
    });
}

/// Whenever that is.
#[test]
fn a_task_that_is_killed_on_the_way_is_said_to_be_dead() {
    deadline(|| {
        let program = Program::new("true");
        for step in 0..400 {
            brand!(inner_pids);
            let task = Task::here().spawn_with_pids(inner_pids).unwrap();
            let killer = task.killer();
            let outcome = thread::scope(|scope| {
                scope.spawn(move || {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(20 + step) {
                        std::hint::spin_loop();
                    }
                    let _gone = killer.kill();
                });
                task.program(&program).exec_under_init()
            });
            match outcome {
                Ok(process) => drop(process.wait().unwrap()),
                Err(error) => {
                    use ErrorKind::{Hangup, InitEnded, NotSent};
                    let is_said = matches!(error.kind(), Hangup | InitEnded | NotSent);
                    assert!(is_said, "after {step} microseconds: {error}");
                }
            }
        }
    });
}

#[test]
fn what_is_still_there_ends_with_it() {
    deadline(|| {
        brand!(inner_pids);
        let here = Task::here();
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let script = shell("sleep 1000 & exit 5");
        let process = init.program(&script).fd(9, &writer).exec_under_init().unwrap();
        drop(writer);
        assert_eq!(process.wait().unwrap().code(), Some(5));
        // The sleeper had the other end.
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
    });
}

#[test]
fn signals_are_passed_on() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        for signal in [Signal::TERM, Signal::USR1, Signal::HUP] {
            init.set_sigaction(signal, SigAction::Default).unwrap();
        }
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let script = "for s in HUP USR1 TERM; do trap \"echo $s; test $s != TERM || exit 3\" $s; done; \
                      echo; while :; do sleep 0.01; done";
        let process = init.program(&shell(script)).fd(1, &writer).exec_under_init().unwrap();
        drop(writer);
        let mut output = BufReader::new(fs::File::from(std::os::fd::OwnedFd::from(reader))).lines();
        let mut line = || output.next().unwrap().unwrap();
        assert_eq!(line(), "");
        for (signal, name) in [(Signal::HUP, "HUP"), (Signal::USR1, "USR1"), (Signal::TERM, "TERM")]
        {
            process.send_signal(signal).unwrap();
            assert_eq!(line(), name);
        }
        assert_eq!(process.wait().unwrap().code(), Some(3));
    });
}

#[test]
fn it_is_of_use_only_as_an_init() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids, innermost_pids);
        let refused = |result: Result<ChildProcess, nearfar::Error>| {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::NotInit);
        };
        let program = Program::new("true");
        refused(here.spawn().unwrap().program(&program).exec_under_init());
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let second = init.spawn().unwrap();
        refused(second.program(&program).exec_under_init());
        let init = init.unshare_pid(innermost_pids).unwrap();
        refused(init.program(&program).exec_under_init());
        let error = Command::new("true").under_init().spawn().unwrap_err();
        let error = nearfar::Error::from_io_error(&error).unwrap();
        assert_eq!(error.kind(), ErrorKind::NotInit);
    });
}

#[test]
fn a_program_that_cannot_be_executed_leaves_nothing() {
    deadline(|| {
        brand!(inner_pids);
        let init = Task::here().spawn_with_pids(inner_pids).unwrap();
        let pid = init.host_pid();
        let program = Program::new("/no/such/program");
        let error = init.program(&program).exec_under_init().unwrap_err();
        assert_eq!((error.call().name(), error.errno()), ("execve", Some(Errno::NOENT)));
        until("gone", || is_gone(pid));
    });
}

#[test]
fn nobody_else_is_driven_beside_the_program() {
    deadline(|| {
        brand!(inner_pids);
        let init = Task::here().spawn_with_pids(inner_pids).unwrap();
        let pid = init.host_pid();
        let other = init.spawn().unwrap();
        let error = init.program(&Program::new("true")).exec_under_init().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MemoryExposed);
        until("gone", || is_dead(pid) && is_dead(other.host_pid()));
    });
}

#[test]
fn filters_ids_and_the_rest_are_for_the_program() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        init.umask(nearfar::rustix::fs::Mode::from(0o027)).unwrap();
        init.prctl_set_no_new_privs().unwrap();
        let allow = (libc::BPF_RET | libc::BPF_K) as u16;
        let filter = SeccompFilter::from_parts([(allow, 0, 0, libc::SECCOMP_RET_ALLOW)]).unwrap();
        init.seccomp_on_exec(&filter).unwrap();
        let (stdin, hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let script = shell("umask; id -u; pwd; read line").current_dir("/proc");
        let exec = init.program(&script).fd(0, &stdin).fd(1, &writer);
        let process = exec.uid(Uid::from_raw(12345)).exec_under_init().unwrap();
        drop(writer);
        let mut output = BufReader::new(fs::File::from(std::os::fd::OwnedFd::from(reader)));
        for expected in ["0027\n", "12345\n", "/proc\n"] {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert_eq!(line, expected);
        }
        let program = program_of(&process);
        assert_eq!(
            (status(process.id(), "Seccomp"), status(program, "Seccomp")),
            ("0".into(), "2".into())
        );
        process.send_signal(Signal::KILL).unwrap();
        until("gone", || is_dead(program));
        drop(hold);
        assert_eq!(process.wait().unwrap().signal(), Some(9));
    });
}

#[test]
fn what_is_ignored_is_ignored_in_the_program() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let ignored = [Signal::CHILD, Signal::USR2];
        for signal in ignored {
            init.set_sigaction(signal, SigAction::Ignore).unwrap();
        }
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let grep = Program::new("grep").args(["SigIgn", "/proc/self/status"]);
        let process = init.program(&grep).fd(1, &writer).exec_under_init().unwrap();
        assert!(process.wait().unwrap().success());
        let mut text = [0; 64];
        let length = here.read(&reader, &mut text).unwrap();
        let (_, set) = lines(&text[..length])[0].split_once('\t').unwrap();
        let set = u64::from_str_radix(set, 16).unwrap();
        for signal in ignored {
            assert_ne!(set & 1 << (signal.as_raw() - 1), 0, "{signal:?}");
        }
    });
}

#[test]
fn it_is_of_no_use_to_the_program() {
    deadline(|| {
        let here = Task::here();
        for user in [0, 12345] {
            brand!(inner_pids);
            let init = here.spawn_with_pids(inner_pids).unwrap();
            init.chdir("/proc").unwrap();
            let (stdin, hold) = here.pipe2(PipeFlags::empty()).unwrap();
            let script = shell("read line");
            let exec = init.program(&script).fd(0, &stdin).uid(Uid::from_raw(user));
            let process = exec.gid(Gid::from_raw(user)).exec_under_init().unwrap();
            let about = |file: &str| PathBuf::from(format!("/proc/{}/{file}", process.id()));
            until("it is the init", || fs::read(about("cmdline")).unwrap() == b"init\0");
            for ids in ["Uid", "Gid"] {
                assert!(status(process.id(), ids).starts_with(&format!("{user}\t{user}\t")));
            }
            for capabilities in ["CapPrm", "CapEff", "CapInh", "CapAmb"] {
                assert_eq!(status(process.id(), capabilities), "0".repeat(16));
            }
            assert_eq!(fs::read_link(about("cwd")).unwrap(), Path::new("/"));
            // What the kernel does not let its user look into belongs to root.
            let owner = fs::metadata(about("mem")).unwrap().uid();
            assert_eq!((owner, status(process.id(), "NoNewPrivs")), (0, "1".into()));
            assert_eq!(fs::metadata(about("exe")).unwrap().mode() & 0o777, 0o111);
            drop((stdin, hold));
            assert!(process.wait().unwrap().code().is_some());
        }
    });
}

#[test]
fn what_has_arrived_before_reaches_the_program() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        init.set_sigaction(Signal::INT, SigAction::Default).unwrap();
        let pidfd = here.pidfd_open(init.host_pid()).unwrap();
        here.pidfd_send_signal(&pidfd, Signal::INT).unwrap();
        let process = init.program(&Program::new("true")).exec_under_init().unwrap();
        assert_eq!(process.wait().unwrap().code(), Some(128 + 2));
    });
}

#[test]
fn without_room_for_its_file_there_is_an_error() {
    deadline(|| {
        for bytes in [0, 100] {
            brand!(inner_pids);
            let init = Task::here().spawn_with_pids(inner_pids).unwrap();
            let pid = init.host_pid();
            let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
            init.setrlimit(Resource::Fsize, limit).unwrap();
            let error = init.program(&Program::new("true")).exec_under_init().unwrap_err();
            assert_eq!((error.call().name(), error.errno()), ("write", Some(Errno::FBIG)));
            until("gone", || is_gone(pid));
        }
    });
}

#[test]
#[ignore = "a program for the test below"]
fn program_that_asks_to_be_traced() {
    // SAFETY: passes numbers.
    let asked = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) };
    assert_eq!(asked, 0);
    let here = Task::here();
    // It stops, although nothing happens at this one's arrival.
    here.kill(here.getpid().unwrap(), Signal::WINCH).unwrap();
    std::process::exit(7);
}

#[test]
fn it_traces_nobody() {
    deadline(|| {
        let copy = ForEverybody::copied(this_program());
        let host = host_of(copy.path(), "program_that_asks_to_be_traced");
        let program = Program::new(host.get_program()).args(host.get_args());
        brand!(inner_pids);
        let init = Task::here().spawn_with_pids(inner_pids).unwrap();
        // Who has capabilities is not traced by who has none.
        let exec = init.program(&program).uid(Uid::from_raw(12345));
        assert_eq!(exec.exec_under_init().unwrap().wait().unwrap().code(), Some(7));
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_whose_init_may_not_wait_for_signals() {
    brand!(inner_pids);
    let init = Task::here().spawn_with_pids(inner_pids).unwrap();
    let sleep = Program::new("sleep").arg("1000");
    match init.program(&sleep).exec_under_init() {
        Ok(process) => assert_eq!(process.wait().unwrap().code(), Some(255)),
        // It has ended before there was a program.
        Err(error) => assert!(matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Hangup)),
    }
}

#[test]
fn it_ends_if_it_cannot_wait() {
    deadline(|| {
        let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
        let filter = SeccompFilter::new([
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JEQ, 0, 1, libc::SYS_rt_sigtimedwait as u32),
            step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
            step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW),
        ])
        .unwrap();
        let itself = another_host("host_whose_init_may_not_wait_for_signals");
        let mut command = Command::new(itself.get_program());
        command.args(itself.get_args()).prepare(move |child| {
            child.prctl_set_no_new_privs()?;
            Ok(child.seccomp_on_exec(&filter)?)
        });
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}

#[test]
fn from_a_memory_and_a_table_of_its_own() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(child_memory, child_fds, inner_pids);
        let (child, writer) = here.fork(child_memory, child_fds, writer).unwrap();
        let init = child.spawn_with_pids(inner_pids).unwrap();
        let process = init.program(&shell("echo hello")).fd(1, &writer).exec_under_init().unwrap();
        assert!(process.wait().unwrap().success());
        let mut buffer = [0; 16];
        let length = here.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"hello\n");
    });
}

#[test]
fn it_leads_the_session_of_the_programs_terminal() {
    deadline(|| {
        let here = Task::here();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap();
        let terminal =
            here.openat(Cwd, &path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        init.set_sigaction(Signal::HUP, SigAction::Default).unwrap();
        init.setsid().unwrap();
        let script = shell("trap 'exit 6' HUP; echo ready >/dev/tty; while :; do sleep 0.01; done");
        let exec = init.program(&script).fd(0, &terminal).controlling_terminal();
        let process = exec.exec_under_init().unwrap();
        drop(terminal);
        let mut output = Vec::new();
        while !output.ends_with(b"ready\r\n") {
            let mut buffer = [0; 64];
            let length = here.read(&master, &mut buffer).unwrap();
            output.extend_from_slice(&buffer[..length]);
        }
        assert_eq!(stat(process.id(), 6), i64::from(process.id()), "its session");
        // The hangup is told to the leader of the session alone.
        drop(master);
        assert_eq!(process.wait().unwrap().code(), Some(6));
    });
}

#[test]
fn a_command_can_be_under_one() {
    deadline(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ $(id -u); exit 4"]).unshare_pid().under_init();
        command.unshare(Namespaces::USER).uid_map(&[IdMap::own_uid_as(0)]);
        let prepared = command.prepare(|child| {
            child.umask(nearfar::rustix::fs::Mode::from(0o077))?;
            Ok(())
        });
        let output = prepared.output().unwrap();
        assert_eq!(output.status.code(), Some(4));
        let [pid, user] = lines(&output.stdout)[0].split(' ').collect::<Vec<_>>()[..] else {
            panic!("{output:?}")
        };
        assert_ne!(pid, "1");
        assert_eq!(user, "0");
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_with_a_program_under_an_init() {
    brand!(inner_pids);
    let init = Task::here().spawn_with_pids(inner_pids).unwrap();
    let sleep = Program::new("sleep").arg("1000");
    let process = init.program(&sleep).exec_under_init().unwrap();
    println!("pids {} {}", process.id(), program_of(&process));
    std::io::stdin().read_exact(&mut [0]).unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn it_does_not_outlive_this_process() {
    deadline(|| {
        let mut host = another_host("host_with_a_program_under_an_init");
        let mut host = host.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(host.stdout.take().unwrap()).lines();
        let pids = output.find_map(|line| Some(line.unwrap().split_once("pids ")?.1.to_owned()));
        let pids = pids.expect("the host prints them");
        let pids: Vec<i32> = pids.split(' ').map(|pid| pid.parse().unwrap()).collect();
        assert!(pids.iter().all(|pid| state(*pid).is_some() && !is_dead(*pid)));
        host.kill().unwrap();
        host.wait().unwrap();
        until("nothing is left", || pids.iter().all(|pid| is_dead(*pid)));
    });
}
