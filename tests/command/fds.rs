//! Which fds the program has, and where they come from.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nearfar::prelude::*;
use nearfar::process::{Command, Stdio};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

use super::{cat, inner, printed, sh, until_it_reads};
use crate::common::{deadline, fds, numbers, same_open_file};

fn me() -> u32 {
    std::process::id()
}

#[test]
fn exactly_what_is_listed() {
    deadline(|| {
        let (passed, not_passed) =
            (File::open("/dev/zero").unwrap(), File::open("/dev/full").unwrap());
        rustix::io::fcntl_setfd(&not_passed, FdFlags::empty()).unwrap();
        let number = passed.as_raw_fd();
        let mut command = cat();
        command.fd(9, passed);
        for prepared in [false, true] {
            if prepared {
                command.prepare(|_| Ok(()));
            }
            let mut child = command.spawn().unwrap();
            until_it_reads(&child);
            assert_eq!(numbers(child.id()), [0, 1, 2, 9]);
            assert!(same_open_file((me(), number), (child.id(), 9)));
            assert!(child.wait().unwrap().success());
        }
    });
}

#[test]
fn numbers_swap_and_stay_and_are_high() {
    deadline(|| {
        for prepared in [false, true] {
            let names = ["/dev/zero", "/dev/full", "/dev/null"];
            let files = names.map(|name| File::open(name).unwrap());
            let [a, b, stays] = [0, 1, 2].map(|index: usize| files[index].as_raw_fd());
            let [file_a, file_b, file_stays] = files;
            let again = file_a.try_clone().unwrap();
            let mut command = cat();
            command.fd(b as u16, file_a).fd(a as u16, file_b).fd(stays as u16, file_stays);
            command.fd(900, again);
            if prepared {
                command.prepare(|_| Ok(()));
            }
            let mut child = command.spawn().unwrap();
            until_it_reads(&child);
            let mut expected = vec![0, 1, 2, a, b, stays, 900];
            expected.sort_unstable();
            let seen = fds(child.id());
            assert_eq!(seen.keys().copied().collect::<Vec<_>>(), expected);
            let name = |number: i32| seen[&number].to_str().unwrap();
            assert_eq!([b, a, stays, 900].map(name), [names[0], names[1], names[2], names[0]]);
            assert!(child.wait().unwrap().success());
        }
    });
}

#[test]
fn a_number_beyond_the_limit_is_refused() {
    deadline(|| {
        let mut command = Command::new("true");
        command.fd(100, File::open("/dev/zero").unwrap()).prepare(|child| {
            let limit = Rlimit { current: Some(100), maximum: Some(100) };
            child.setrlimit(Resource::Nofile, limit)?;
            Ok(())
        });
        let error = command.spawn().unwrap_err();
        let error = inner(&error);
        assert_eq!((error.call().name(), error.errno()), ("dup3", Some(Errno::BADF)));
    });
}

#[test]
fn the_last_fd_of_a_number_is_used_and_the_command_owns_it() {
    deadline(|| {
        let (mut first, theirs) = UnixStream::pair().unwrap();
        let (mut second, theirs_too) = UnixStream::pair().unwrap();
        let mut command = sh("echo hello >&7");
        command.fd(7, theirs).fd(7, theirs_too);
        // Nobody has the one that was replaced.
        assert_eq!(first.read(&mut [0]).unwrap(), 0);
        for _ in 0..2 {
            assert!(command.status().unwrap().success());
        }
        drop(command);
        let mut text = String::new();
        second.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello\nhello\n");
    });
}

#[test]
fn our_streams_at_other_numbers() {
    deadline(|| {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(std::io::stderr()).stderr(std::io::stdout());
        let mut child = command.spawn().unwrap();
        until_it_reads(&child);
        assert!(same_open_file((me(), 1), (child.id(), 2)));
        assert!(same_open_file((me(), 2), (child.id(), 1)));
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn an_fd_of_ours_is_a_stream() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let mut command = Command::new("echo");
        assert!(command.arg("text").stdout(writer).status().unwrap().success());
        drop(command);
        let mut text = String::new();
        File::from(std::os::fd::OwnedFd::from(reader)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "text\n");
    });
}

#[test]
fn a_stream_that_is_listed_by_its_number() {
    deadline(|| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&ours).write_all(b"in").unwrap();
        ours.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(printed(Command::new("cat").fd(0, theirs)), "in");
    });
}

#[test]
fn ends_of_pipes_are_of_one_program_each() {
    deadline(|| {
        // The second must not have the first's input, or it would not end.
        let (mut first, mut second) = (cat().spawn().unwrap(), cat().spawn().unwrap());
        until_it_reads(&second);
        assert_eq!(numbers(second.id()), [0, 1, 2]);
        assert!(first.wait().unwrap().success());
        assert!(second.wait().unwrap().success());
    });
}
