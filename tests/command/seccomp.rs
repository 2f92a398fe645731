//! Filters that come in with the program.

use nearfar::SeccompFilter;
use nearfar::prelude::*;
use nearfar::process::Command;

use super::{inner, printed};
use crate::common::{deadline, is_gone, until};

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

/// `matching` for these calls, `other` for all others.
fn filter(calls: &[i64], matching: u32, other: u32) -> SeccompFilter {
    let load = instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0);
    let compare = calls.iter().enumerate().map(|(index, call)| {
        let to_matching = (calls.len() - index) as u8;
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, to_matching, 0, *call as u32)
    });
    let answer = |value| instruction(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    let answers = [answer(other), answer(matching)];
    SeccompFilter::new([load].into_iter().chain(compare).chain(answers)).unwrap()
}

const REFUSED: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

fn with(program: &str, filter: SeccompFilter) -> Command {
    let mut command = Command::new(program);
    command.prepare(move |child| {
        child.prctl_set_no_new_privs()?;
        child.seccomp_on_exec(&filter)?;
        Ok(())
    });
    command
}

#[test]
fn the_program_is_filtered() {
    deadline(|| {
        let uname = filter(&[libc::SYS_uname], REFUSED, libc::SECCOMP_RET_ALLOW);
        let output = with("uname", uname.clone()).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("Operation not permitted"), "{said}");
        // Other calls are not.
        assert_eq!(printed(with("echo", uname).arg("text")), "text\n");
        let nothing = filter(&[], REFUSED, libc::SECCOMP_RET_ALLOW);
        assert!(with("uname", nothing).output().unwrap().status.success());
    });
}

#[test]
fn a_filter_that_allows_the_exec_alone() {
    deadline(|| {
        let exec = [libc::SYS_execve, libc::SYS_exit_group];
        let exec_alone = || filter(&exec, libc::SECCOMP_RET_ALLOW, REFUSED);
        for (missing, errno) in [
            ("/nowhere/at/all", Errno::NOENT),
            ("no-such-program", Errno::NOENT),
            ("/", Errno::ACCESS),
        ] {
            let error = with(missing, exec_alone()).spawn().unwrap_err();
            let error = inner(&error);
            assert_eq!((error.call().name(), error.errno()), ("execve", Some(errno)), "{missing}");
        }
        // A program can do nothing, not even load its libraries.
        let status = with("true", exec_alone()).stderr(nearfar::process::Stdio::null()).status();
        assert!(!status.unwrap().success());
    });
}

#[test]
fn a_filter_that_forbids_the_exec() {
    deadline(|| {
        let nothing = filter(&[], REFUSED, REFUSED);
        let error = with("/bin/true", nothing).spawn().unwrap_err();
        let error = inner(&error);
        assert_eq!((error.call().name(), error.errno()), ("execve", Some(Errno::PERM)));
        let killed =
            filter(&[libc::SYS_execve], libc::SECCOMP_RET_KILL_PROCESS, libc::SECCOMP_RET_ALLOW);
        let error = with("/bin/true", killed).spawn().unwrap_err();
        let error = inner(&error);
        assert_eq!((error.call().name(), error.kind()), ("execve", nearfar::ErrorKind::Hangup));
    });
}

#[test]
fn a_filter_of_another_crates_instructions() {
    deadline(|| {
        let refusing = [
            (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_uname as u32),
            (libc::BPF_RET | libc::BPF_K, 0, 0, REFUSED),
            (libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let parts = refusing.map(|(code, jt, jf, k)| (code as u16, jt, jf, k));
        let filter = SeccompFilter::from_parts(parts).unwrap();
        let output = with("uname", filter).output().unwrap();
        assert!(!output.status.success());
        assert_eq!(
            SeccompFilter::from_parts([]).unwrap_err().errno(),
            Some(Errno::INVAL),
            "there has to be one"
        );
    });
}

#[test]
fn a_filter_that_makes_no_sense() {
    deadline(|| {
        let endless = SeccompFilter::new([instruction(libc::BPF_LD, 0, 0, 0)]).unwrap();
        let error = with("true", endless).spawn().unwrap_err();
        let error = inner(&error);
        assert_eq!((error.call().name(), error.errno()), ("seccomp", Some(Errno::INVAL)));
    });
}

#[test]
fn a_filter_that_makes_every_answer_up() {
    deadline(|| {
        // As the exec "succeeds" too, nobody but the child itself is left to end it.
        let zero = filter(&[], 0, libc::SECCOMP_RET_ERRNO);
        let child = Task::here().spawn().unwrap();
        let pid = child.pid();
        child.prctl_set_no_new_privs().unwrap();
        child.seccomp_on_exec(&zero).unwrap();
        let error = child.program(&Program::new("true")).exec().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOSYS));
        until("it has ended", || is_gone(pid.as_raw() as u32));
    });
}
