//! Becoming a program: exactly the listed fds, nobody else's touched, and failures undone.

mod common;

use std::fs;
use std::thread;

use common::{
    Resource, deadline, fds, is_gone, numbers, same_open_file, share, state, until,
    until_blocked_in,
};
use nearfar::prelude::*;
use nearfar::process::Command;
use nearfar::{Error, ErrorKind};
use rustix::io::{Errno, FdFlags};

type HostTask = nearfar::Task<HostFds, HostMemory, HostPids, nearfar::interface::Local>;

fn me() -> u32 {
    std::process::id()
}

fn sh(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

fn null(here: &HostTask) -> Fd<HostFds> {
    here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap()
}

/// Everything that comes out of a pipe, up to the end of file.
fn drain(here: &HostTask, reader: &Fd<HostFds>) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = here.read(reader, &mut buffer).unwrap();
        if length == 0 {
            return String::from_utf8(all).unwrap();
        }
        all.extend_from_slice(&buffer[..length]);
    }
}

/// What `program` prints, run in a private table.
fn output(program: &Program) -> String {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    brand!(private_fds);
    let (child, writer) = here.spawn_with_files(private_fds, writer).unwrap();
    let process = child.program(program).fd(1, &writer).exec().unwrap();
    let printed = drain(&here, &reader);
    assert!(process.wait().unwrap().success());
    printed
}

#[test]
fn the_program_has_exactly_what_was_listed() {
    deadline(|| {
        let here = Task::here();
        let (unlisted, passed) = (null(&here), null(&here));
        // std programs leak what is not close-on-exec; this must not.
        here.fcntl_setfd(&unlisted, FdFlags::empty()).unwrap();
        for private in [false, true] {
            let (gate, hold) = here.pipe2(PipeFlags::empty()).unwrap();
            let cat = Program::new("cat");
            let process = if private {
                brand!(private_fds);
                let keep = (&passed, &gate, &unlisted);
                let (child, (passed, gate, _unlisted)) =
                    here.spawn_with_files(private_fds, keep).unwrap();
                child.program(&cat).fd(0, &gate).fd(7, &passed).exec().unwrap()
            } else {
                let child = here.spawn().unwrap();
                child.program(&cat).fd(0, &gate).fd(7, &passed).exec().unwrap()
            };
            // By then its loader has closed what it opened.
            until_blocked_in(process.id(), libc::SYS_read);
            assert_eq!(numbers(process.id()), [0, 1, 2, 7]);
            let pid = process.id();
            assert!(same_open_file((me(), gate.near().as_raw()), (pid, 0)));
            assert!(same_open_file((me(), passed.near().as_raw()), (pid, 7)));
            assert!(!share(Resource::Files, me(), pid));
            assert!(!share(Resource::Memory, me(), pid));
            drop((hold, gate));
            assert!(process.wait().unwrap().success());
        }
    });
}

#[test]
fn exec_from_a_shared_table_touches_no_sibling() {
    deadline(|| {
        let here = Task::here();
        let sibling = here.spawn().unwrap();
        let before = fds(me());
        let (input, output) = here.pipe2(PipeFlags::empty()).unwrap();
        let error = null(&here);
        let child = here.spawn().unwrap();
        let process = child
            .program(&sh("read line; echo \"$line\" >&2"))
            .fd(0, &input)
            .fd(1, &output)
            .fd(2, &error)
            .exec()
            .unwrap();
        for number in 0..3 {
            assert_eq!(fds(me())[&number], before[&number]);
            assert_eq!(fds(sibling.pid())[&number], before[&number]);
        }
        assert!(share(Resource::Files, me(), sibling.pid()));
        here.write(&output, b"line\n").unwrap();
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn fds_swap_and_stay_and_multiply() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let (reader, writer) = child.pipe2(PipeFlags::empty()).unwrap();
        let (r, w) = (reader.near().as_raw() as u16, writer.near().as_raw() as u16);
        let inode =
            |pid: nearfar::near::Pid<HostPids>, number: u16| fds(pid)[&i32::from(number)].clone();
        let pipe = inode(child.pid(), r);
        let stays = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        let s = stays.near().as_raw() as u16;
        // Each end at the other's number, one fd where it is, and one at a second number, too.
        let script = format!("echo through >&{r}; read line <&{w}; [ \"$line\" = through ]");
        let process = child
            .program(&sh(&format!("{script} && exec sleep 100")))
            .fd(r, &writer)
            .fd(w, &reader)
            .fd(s, &stays)
            .fd(9, &stays)
            .exec()
            .unwrap();
        let pid = process.id();
        // By then its loader has closed what it opened.
        until_blocked_in(pid, libc::SYS_clock_nanosleep);
        let seen = fds(pid);
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), {
            let mut numbers = [0, 1, 2, i32::from(r), i32::from(w), i32::from(s), 9];
            numbers.sort_unstable();
            numbers
        });
        assert_eq!(seen[&i32::from(r)], pipe);
        assert_eq!(seen[&9], std::path::Path::new("/dev/zero"));
        assert!(same_open_file((pid, 9), (pid, i32::from(s))));
        process.kill().unwrap();
        process.wait().unwrap();
    });
}

#[test]
fn a_number_listed_twice_is_refused() {
    deadline(|| {
        let here = Task::here();
        let file = null(&here);
        brand!(private_fds);
        let (child, file) = here.spawn_with_files(private_fds, file).unwrap();
        let undone = child.program(&sh(":")).fd(5, &file).fd(5, &file).try_exec().unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::ListedTwice);
        undone.task.getpid().unwrap();
    });
}

#[test]
fn a_failed_try_exec_leaves_everything_as_it_was() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (child, (reader, writer)) =
            here.spawn_with_files(private_fds, (reader, writer)).unwrap();
        let facts = |pid: nearfar::near::Pid<HostPids>| {
            let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw())).unwrap();
            let signals: Vec<String> = status
                .lines()
                // How many signals wait for everybody of this user is not its own.
                .filter(|line| {
                    line.starts_with("Sig") && !line.starts_with("SigQ") || line.starts_with("Shd")
                })
                .map(str::to_owned)
                .collect();
            (fds(pid), fs::read_link(format!("/proc/{}/cwd", pid.as_raw())).unwrap(), signals)
        };
        // The server's preamble has run when it has answered.
        child.getpid().unwrap();
        let before = facts(child.pid());
        let (r, w) = (reader.near().as_raw() as u16, writer.near().as_raw() as u16);
        let missing = Program::new("/nowhere/at/all").current_dir("/proc");
        let mut child = Some(child);
        for _ in 0..3 {
            let undone = child
                .take()
                .unwrap()
                .program(&missing)
                .fd(r, &writer)
                .fd(w, &reader)
                .fd(0, &reader)
                .fd(40, &writer)
                .try_exec()
                .unwrap_err();
            assert_eq!(undone.error.errno(), Some(Errno::NOENT));
            assert_eq!(facts(undone.task.pid()), before);
            child = Some(undone.task);
        }
        let child = child.unwrap();
        child.write(&writer, b"x").unwrap();
        assert_eq!(child.read(&reader, &mut [0; 2]).unwrap(), 1);
        let error = child.lseek(&reader, rustix::fs::SeekFrom::Start(0)).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SPIPE));
        assert!(child.program(&sh("exit 0")).exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn a_failed_try_exec_finds_its_directory_again_whatever_number_it_was_saved_at() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, file) = here.spawn_with_files(private_fds, null(&here)).unwrap();
        let lowest = child.dup(&file).unwrap();
        let free = lowest.near().as_raw() as u16;
        child.close(lowest).unwrap();
        let missing = Program::new("/nowhere").current_dir("/usr");
        let undone = child.program(&missing).fd(free, &file).try_exec().unwrap_err();
        let directory = format!("/proc/{}/cwd", undone.task.pid().as_raw());
        assert_eq!(fs::read_link(directory).unwrap(), std::env::current_dir().unwrap());
    });
}

/// A `PATH` whose search takes many round trips: each is a chance to close something.
fn long_search() -> Program {
    Program::new("no-such-program").env("PATH", vec!["/nowhere"; 10_000].join(":"))
}

#[test]
fn what_is_dropped_during_an_exec_is_closed_where_it_was_open() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (blocking, unblock) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (mut sibling, (writer, blocking)) =
            here.spawn_with_files(private_fds, (writer, blocking)).unwrap();
        let child = sibling.spawn().unwrap();
        let (pid, sibling_pid) = (child.pid(), sibling.pid());
        thread::scope(|scope| {
            let (task, blocking) = (&mut sibling, &blocking);
            scope.spawn(move || task.read(blocking, &mut [0; 1]).unwrap());
            until_blocked_in(sibling_pid, libc::SYS_read);
            let exec = scope.spawn(move || child.program(&long_search()).exec().unwrap_err());
            until("the child has left the table", || {
                is_gone(pid) || !share(Resource::Files, sibling_pid, pid)
            });
            drop(writer);
            assert_eq!(exec.join().unwrap().errno(), Some(Errno::NOENT));
            here.write(&unblock, b"x").unwrap();
            assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
        });
    });
}

#[test]
fn what_is_dropped_during_an_exec_is_not_closed_in_the_program() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (child, writer) = here.spawn_with_files(private_fds, writer).unwrap();
        let dropped = child.dup(&writer).unwrap();
        let number = dropped.near().as_raw() as u16;
        let search = format!("{}:/bin:/usr/bin", vec!["/nowhere"; 10_000].join(":"));
        let shell = Program::new("sh").args(["-c", &format!("echo still here >&{number}")]);
        let shell = shell.env("PATH", search);
        let pid = child.pid();
        thread::scope(|scope| {
            let writer = &writer;
            let exec = scope.spawn(|| child.program(&shell).fd(number, writer).exec().unwrap());
            until("the number has been given to the program", || {
                let info = format!("/proc/{}/fdinfo/{number}", pid.as_raw());
                let info = fs::read_to_string(info).unwrap_or_default();
                let flags = info.lines().find_map(|line| line.strip_prefix("flags:\t"));
                let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
                flags.is_none_or(|flags| flags & libc::O_CLOEXEC == 0)
            });
            drop(dropped);
            assert!(exec.join().unwrap().wait().unwrap().success());
        });
        drop(writer);
        assert_eq!(drain(&here, &reader), "still here\n");
    });
}

#[test]
fn a_child_whose_try_exec_failed_still_dies_with_its_parent_thread() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let undone = child.program(&Program::new("/nowhere")).try_exec().unwrap_err();
        let pid = undone.task.pid();
        drop(undone);
        assert!(is_gone(pid));
    });
}

#[test]
fn try_exec_refuses_a_shared_table_and_sends_nothing() {
    deadline(|| {
        let child = Task::here().spawn().unwrap().erase();
        let undone = child.program(&sh(":")).try_exec().unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::SharedTable);
        assert!(share(Resource::Files, me(), undone.task.host_pid()));

        brand!(private_fds);
        let (child, ()) = undone.task.unshare_files(private_fds, ()).unwrap();
        let sibling = child.spawn().unwrap();
        let undone = child.program(&sh(":")).try_exec().unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::SharedTable);
        // Alone again, by either way, it may.
        brand!(siblings_fds);
        let (_sibling, ()) = sibling.unshare_files(siblings_fds, ()).unwrap();
        drop(undone.task.spawn().unwrap());
        assert!(undone.task.program(&sh(":")).try_exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn a_sibling_counts_until_it_has_ended() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let mut child = Some(child);
        let mut refused = 0;
        for _ in 0..50 {
            let ending = child.as_ref().unwrap().spawn().unwrap();
            let pid = ending.pid();
            common::stop(pid);
            thread::scope(|scope| {
                let dropped = scope.spawn(move || drop(ending));
                // As long as it lives, it may close what is posted, in slots that an exec fills.
                while !dropped.is_finished() {
                    let task = child.take().unwrap();
                    let undone = task.program(&Program::new("/nowhere")).try_exec().unwrap_err();
                    if undone.error.kind() == ErrorKind::SharedTable {
                        refused += 1;
                    } else {
                        assert!(is_gone(pid), "{}", undone.error);
                    }
                    child = Some(undone.task);
                }
            });
        }
        assert!(refused > 0);
    });
}

#[test]
fn a_failed_exec_says_why_and_leaves_nothing() {
    deadline(|| {
        let here = Task::here();
        let failing: [(Program, Errno); 5] = [
            (Program::new("/nowhere"), Errno::NOENT),
            (Program::new("no-such-program-anywhere"), Errno::NOENT),
            (Program::new("/etc/passwd"), Errno::ACCESS),
            (Program::new("/etc/passwd/x"), Errno::NOTDIR),
            (Program::new("true").arg("x".repeat(200_000)), Errno::TOOBIG),
        ];
        for (program, errno) in failing {
            let child = here.spawn().unwrap();
            let pid = child.pid();
            let error = child.program(&program).exec().unwrap_err();
            assert_eq!(error.errno(), Some(errno), "{program:?}");
            assert_eq!(error.call().name(), "execve");
            assert!(is_gone(pid));
        }
        let child = here.spawn().unwrap();
        let error = child.program(&sh(":").current_dir("/nowhere")).exec().unwrap_err();
        assert_eq!(error.to_string(), "chdir: No such file or directory (os error 2)");
        let child = here.spawn().unwrap();
        let error = child.program(&sh("a\0b")).exec().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InteriorNul);
    });
}

#[test]
fn the_working_directory_moves_only_for_the_program() {
    deadline(|| {
        let before = std::env::current_dir().unwrap();
        assert_eq!(output(&Program::new("pwd").arg("-P").current_dir("/proc")), "/proc\n");
        assert_eq!(std::env::current_dir().unwrap(), before);
    });
}

#[test]
fn arguments_and_environment_arrive() {
    deadline(|| {
        let program = Program::new("/bin/sh")
            .arg0("called-so")
            .args(["-c", "echo $0 $1 $SET; echo ${PATH-none} ${HOME-none}", "zero", "one"])
            .env("SET", "value")
            .env_remove("HOME");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(output(&program), format!("zero one value\n{path} none\n"));
        let program = Program::new("/usr/bin/env").env("FORGOTTEN", "x").env_clear().env("A", "b");
        assert_eq!(output(&program), "A=b\n");
        let program = Program::new("cat").arg0("called-so").arg("/proc/self/cmdline");
        assert_eq!(output(&program), "called-so\0/proc/self/cmdline\0");
    });
}

#[test]
fn names_are_looked_up_in_the_programs_own_path() {
    deadline(|| {
        let child = || Task::here().spawn().unwrap();
        let error = child().program(&Program::new("true").env("PATH", "/nowhere")).exec();
        assert_eq!(error.unwrap_err().errno(), Some(Errno::NOENT));
        let found = Program::new("true").env("PATH", "/nowhere:/usr/bin:/bin");
        assert!(child().program(&found).exec().unwrap().wait().unwrap().success());
        let default = Program::new("true").env_clear();
        assert!(child().program(&default).exec().unwrap().wait().unwrap().success());
        // An empty element is the working directory.
        let here = Program::new("true").env("PATH", "").current_dir("/bin");
        assert!(child().program(&here).exec().unwrap().wait().unwrap().success());
        // What may not be executed is remembered, and passed by for what may.
        let denied = Program::new("passwd").env("PATH", "/etc:/nowhere");
        assert_eq!(child().program(&denied).exec().unwrap_err().errno(), Some(Errno::ACCESS));
    });
}

#[test]
fn what_may_not_be_executed_is_remembered_over_a_long_path() {
    deadline(|| {
        let nowhere = ["/nowhere"; 300];
        for before in [0, 130, 260] {
            let mut path = nowhere;
            path[before] = "/etc";
            let denied = Program::new("passwd").env("PATH", path.join(":"));
            let error = Task::here().spawn().unwrap().program(&denied).exec().unwrap_err();
            assert_eq!((error.call().name(), error.errno()), ("execve", Some(Errno::ACCESS)));
            let error = Command::new("passwd").env("PATH", path.join(":")).status().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        }
        let missing = Program::new("passwd").env("PATH", nowhere.join(":"));
        let error = Task::here().spawn().unwrap().program(&missing).exec().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOENT));
    });
}

#[test]
fn the_program_starts_with_clean_signals() {
    deadline(|| {
        let status = output(&Program::new("cat").arg("/proc/self/status"));
        let value = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap()
        };
        assert_eq!(value("SigBlk"), 0);
        assert_eq!(value("SigIgn") & 1 << (libc::SIGPIPE - 1), 0);
        assert_eq!(value("SigCgt"), 0);
    });
}

#[test]
fn a_writer_without_a_reader_ends() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (child, writer) = here.spawn_with_files(private_fds, writer).unwrap();
        let process = child.program(&Program::new("yes")).fd(1, &writer).exec().unwrap();
        here.read(&reader, &mut [0; 2]).unwrap();
        drop(reader);
        assert_eq!(process.wait().unwrap().signal(), Some(libc::SIGPIPE));
    });
}

#[test]
fn the_program_outlives_the_task() {
    deadline(|| {
        let here = Task::here();
        let (gate, hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let child = here.spawn().unwrap();
        let process = child.program(&Program::new("cat")).fd(0, &gate).exec().unwrap();
        // The threads that are the parents of driven tasks are the only ones without a name of
        // their own; once this one's is gone, the program still runs.
        until("blocked in its read", || state(process.id()) == Some('S'));
        let error = here.pidfd_send_signal(&process, Signal::CONT);
        assert_eq!(error, Ok(()));
        drop((hold, gate));
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn killed_in_exec_is_told_from_success() {
    deadline(|| {
        let here = Task::here();
        let (mut killed_before, mut killed_between, mut became) = (0, 0, 0);
        for round in 0..600u32 {
            let child = here.spawn().unwrap();
            let pid = child.pid();
            let killer = child.killer();
            let program = Program::new("/bin/true");
            let outcome: Result<ChildProcess, Error> = thread::scope(|scope| {
                scope.spawn(move || {
                    for _ in 0..(round * 97) % 4000 {
                        std::hint::spin_loop();
                    }
                    // It may have ended already.
                    let _ended = killer.kill();
                });
                child.program(&program).exec()
            });
            match outcome {
                Ok(process) => {
                    became += 1;
                    // A zombie keeps the name: of the program, if it had become one.
                    here.waitid(&process, WaitIdOptions::EXITED).unwrap();
                    let name = fs::read_to_string(format!("/proc/{}/comm", process.id())).unwrap();
                    let exit = process.wait().unwrap();
                    assert!(exit.success() || exit.signal() == Some(libc::SIGKILL), "{exit}");
                    if name != "true\n" {
                        // Past the point of no return, and not yet that far: some microseconds.
                        assert_eq!(exit.signal(), Some(libc::SIGKILL));
                        killed_between += 1;
                    }
                }
                Err(error) => {
                    killed_before += 1;
                    assert!(
                        matches!(error.kind(), ErrorKind::Hangup | ErrorKind::NotSent),
                        "{error}"
                    );
                }
            }
            assert!(is_gone(pid));
        }
        assert!(killed_between < 10, "{killed_between} of {became}");
        eprintln!("{killed_before} killed before they became the program, {became} not");
    });
}
