//! Becoming the program in an open file: that file and no other, and nothing of it in the program.

mod common;

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;

use common::{Scratch, copy_program, deadline, is_gone, numbers, same_open_file, until_blocked_in};
use nearfar::interface::Call;
use nearfar::prelude::*;
use nearfar::task::NotExecuted;
use nearfar::{Error, SeccompFilter};
use rustix::fs::memfd_create;

/// A file of this machine's, to be executed.
fn program(path: &str) -> Fd<HostFds> {
    let path = fs::canonicalize(path).unwrap();
    Task::here().openat(Cwd, path, OFlags::PATH, Mode::empty()).unwrap()
}

/// A file in memory with this content.
fn memory_file(content: &[u8]) -> Fd<HostFds> {
    let mut file = fs::File::from(memfd_create("program", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(content).unwrap();
    OwnedFd::from(file).into()
}

fn sh(script: &str) -> Program {
    Program::new("a name").args(["-c", script])
}

/// Up to the end of file.
fn drain(reader: Fd<HostFds>) -> String {
    std::io::read_to_string(fs::File::from(OwnedFd::from(reader))).unwrap()
}

#[track_caller]
fn refused(error: Error, errno: Errno) {
    assert_eq!((error.call(), error.errno()), (Call::EXECVEAT, Some(errno)));
}

#[test]
fn the_program_has_exactly_what_was_listed() {
    deadline(|| {
        let here = Task::here();
        let cat = program("/bin/cat");
        let passed = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
        here.fcntl_setfd(&cat, FdFlags::empty()).unwrap();
        for private in [false, true] {
            let (gate, hold) = here.pipe2(PipeFlags::empty()).unwrap();
            let name = Program::new("not looked up");
            let process = if private {
                brand!(private_fds);
                let keep = (&passed, &gate, &cat);
                let (child, (passed, gate, cat)) =
                    here.spawn_with_files(private_fds, keep).unwrap();
                child.program_at(&cat, &name).fd(0, &gate).fd(7, &passed).try_exec().unwrap()
            } else {
                let child = here.spawn().unwrap();
                child.program_at(&cat, &name).fd(0, &gate).fd(7, &passed).exec().unwrap()
            };
            until_blocked_in(process.id(), libc::SYS_read);
            assert_eq!(numbers(process.id()), [0, 1, 2, 7]);
            let me = std::process::id();
            assert!(same_open_file((me, passed.near().as_raw()), (process.id(), 7)));
            let (exe, cat) = (
                fs::read_link(format!("/proc/{}/exe", process.id())),
                fs::canonicalize("/bin/cat"),
            );
            assert_eq!(exe.unwrap(), cat.unwrap());
            drop((hold, gate));
            assert!(process.wait().unwrap().success());
        }
    });
}

#[test]
fn it_is_the_file_that_was_opened() {
    deadline(|| {
        let here = Task::here();
        let directory = Scratch::new();
        let path = directory.join("program");
        copy_program("/bin/true", &path);
        let opened = here.openat(Cwd, &path, OFlags::PATH, Mode::empty()).unwrap();
        fs::remove_file(&path).unwrap();
        copy_program("/bin/false", &path);
        let name = Program::new(&path);
        let process = here.spawn().unwrap().program_at(&opened, &name).exec().unwrap();
        assert!(process.wait().unwrap().success());
        let process = here.spawn().unwrap().program(&name).exec().unwrap();
        assert!(!process.wait().unwrap().success());
        // Nobody may be writing to it, unless it is in memory alone.
        let written = fs::File::options().write(true).open(&path).unwrap();
        let opened = here.openat(Cwd, &path, OFlags::PATH, Mode::empty()).unwrap();
        let error = here.spawn().unwrap().program_at(&opened, &name).exec().unwrap_err();
        refused(error, Errno::TXTBSY);
        drop(written);
        let in_memory = memory_file(&fs::read("/bin/sh").unwrap());
        let child = here.spawn().unwrap();
        let process = child.program_at(&in_memory, &sh("test \"$0\" = x; exit 3")).exec().unwrap();
        assert_eq!(process.wait().unwrap().code(), Some(3));
    });
}

#[test]
fn a_script_is_read_where_it_is_passed_on() {
    deadline(|| {
        let here = Task::here();
        let script = memory_file(b"#!/bin/sh\necho $0 $1; exit 4");
        let name = Program::new("script").arg("argument");
        let error = here.spawn().unwrap().program_at(&script, &name).exec().unwrap_err();
        refused(error, Errno::NOENT);
        for number in [9, 3] {
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            let child = here.spawn().unwrap();
            let exec = child.program_at(&script, &name).fd(1, &writer).fd(number, &script);
            let process = exec.exec().unwrap();
            drop(writer);
            assert_eq!(drain(reader), format!("/dev/fd/{number} argument\n"));
            assert_eq!(process.wait().unwrap().code(), Some(4));
        }
    });
}

/// Other fds are put where it is, or where its copy might be.
#[test]
fn its_own_number_is_given_to_another() {
    deadline(|| {
        let here = Task::here();
        for script in [false, true] {
            brand!(private_fds);
            let file = match script {
                false => program("/bin/sh"),
                true => memory_file(b"#!/bin/sh\ncat /dev/fd/$1 /dev/fd/$2"),
            };
            let [first, second] = ["first\n", "second\n"].map(|text| memory_file(text.as_bytes()));
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            let keep = (file, first, second, writer);
            let (child, (file, first, second, writer)) =
                here.spawn_with_files(private_fds, keep).unwrap();
            for file in [&first, &second] {
                child.lseek(file, SeekFrom::Start(0)).unwrap();
            }
            let [at, first_at] = [&file, &first].map(|fd| fd.near().as_raw() as u16);
            let numbers = [at, first_at].map(|number| number.to_string());
            let name = match script {
                false => sh("cat /dev/fd/$1 /dev/fd/$2").arg("sh"),
                true => Program::new("script"),
            };
            let name = name.args(&numbers);
            // It, and what is at its number, change places.
            let mut exec = child.program_at(&file, &name).fd(1, &writer).fd(at, &second);
            exec = match script {
                false => exec.fd(first_at, &first),
                true => exec.fd(first_at, &first).fd(500, &file),
            };
            let process = exec.exec().unwrap();
            drop(writer);
            assert_eq!(drain(reader), "second\nfirst\n");
            assert!(process.wait().unwrap().success());
        }
    });
}

#[test]
fn a_failed_try_exec_leaves_everything_as_it_was() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, (null, text)) = here
            .spawn_with_files(private_fds, (program("/dev/null"), memory_file(b"no program")))
            .unwrap();
        let (host_pid, me) = (child.host_pid(), std::process::id());
        let before = common::fds(host_pid);
        let text_at = text.near().as_raw() as u16;
        let name = Program::new("name");
        let undone = child.program_at(&text, &name).fd(text_at, &null).fd(1, &null).try_exec();
        let NotExecuted { error, task: child, .. } = undone.unwrap_err();
        // A file in memory may be executed, but this is none that could be.
        refused(error, Errno::NOEXEC);
        assert_eq!(common::fds(host_pid), before);
        let undone = child.program_at(&null, &name).try_exec().unwrap_err();
        refused(undone.error, Errno::ACCESS);
        assert_eq!(common::fds(host_pid), before);
        let pid = undone.task.host_pid();
        assert!(!is_gone(pid) && pid.as_raw() as u32 != me);
        // It still ends with its task, so its death signal is in place.
        drop(undone);
        assert!(is_gone(pid));

        let directory = Scratch::new();
        let path = directory.join("program");
        copy_program("/bin/true", &path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let file = here.openat(Cwd, &path, OFlags::PATH, Mode::empty()).unwrap();
        let child = here.spawn().unwrap();
        let pid = child.pid();
        refused(child.program_at(&file, &name).exec().unwrap_err(), Errno::ACCESS);
        assert!(is_gone(pid));
    });
}

#[test]
fn the_death_signal_is_the_programs_own() {
    deadline(|| {
        let here = Task::here();
        let (setpriv, dump) = (program("/usr/bin/setpriv"), Program::new("setpriv").arg("--dump"));
        for (signal, name) in [(None, "[none]"), (Some(Signal::TERM), "TERM")] {
            for filtered in [false, true] {
                let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
                let child = here.spawn().unwrap();
                if filtered {
                    child.prctl_set_no_new_privs().unwrap();
                    child.seccomp_on_exec(&all_are_allowed()).unwrap();
                }
                let mut exec = child.program_at(&setpriv, &dump).fd(1, &writer);
                if let Some(signal) = signal {
                    exec = exec.parent_death_signal(signal);
                }
                let process = exec.exec().unwrap();
                drop(writer);
                let said = drain(reader);
                assert!(said.contains(&format!("Parent death signal: {name}\n")), "{said}");
                assert!(process.wait().unwrap().success());
            }
        }
    });
}

fn all_are_allowed() -> SeccompFilter {
    let code = (libc::BPF_RET | libc::BPF_K) as u16;
    let allow = libc::sock_filter { code, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    SeccompFilter::new([allow]).unwrap()
}

#[test]
fn with_a_filter_a_failed_exec_ends_the_child() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid();
        child.prctl_set_no_new_privs().unwrap();
        child.seccomp_on_exec(&all_are_allowed()).unwrap();
        let text = memory_file(b"no program");
        refused(child.program_at(&text, &Program::new("x")).exec().unwrap_err(), Errno::NOEXEC);
        assert!(is_gone(pid));
    });
}

/// It finds neither the path nor the arguments in this program's memory.
#[test]
fn a_child_with_memory_of_its_own_becomes_it() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let script = memory_file(b"#!/bin/sh\necho $1; exit 6");
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let name = Program::new("script").arg("argument");
        let exec = child.program_at(&script, &name).fd(1, &writer).fd(9, &script);
        let process = exec.exec().unwrap();
        drop(writer);
        assert_eq!(drain(reader), "argument\n");
        assert_eq!(process.wait().unwrap().code(), Some(6));
    });
}
