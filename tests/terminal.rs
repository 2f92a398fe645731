//! The controlling terminal of a session.

#![allow(unsafe_code, reason = "signal has no safe wrapper")]

mod common;

use std::ffi::CString;
use std::os::fd::OwnedFd;

use common::{deadline, passes, stat};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};

/// The master of a new pseudoterminal, and the path of its other end.
fn pseudoterminal() -> (OwnedFd, CString) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    (master, path)
}

/// Opens a terminal in a task, without making it the controlling one.
fn open<K: FileDescriptorTask>(task: &K, path: &CString) -> Fd<K::FdTable> {
    task.openat(Cwd, path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap()
}

/// The controlling terminal that `/proc` tells, as a device; 0 is none.
fn controlling(process: impl std::fmt::Display) -> u64 {
    let number = stat(process, 7) as u32;
    libc::makedev((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00))
}

/// The process group in the foreground of the terminal that controls a process; -1 is none.
fn foreground(process: impl std::fmt::Display) -> i32 {
    stat(process, 8) as i32
}

#[test]
fn a_session_gets_a_terminal_and_gives_it_up() {
    deadline(|| {
        let here = Task::here();
        let before = controlling("self");
        let (master, path) = pseudoterminal();
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        let terminal = open(&child, &path);
        let device = child.fstat(&terminal).unwrap().st_rdev;
        assert_eq!(
            child.ioctl_tiocgsid(&terminal).unwrap_err().errno(),
            Some(Errno::NOTTY),
            "not its controlling terminal"
        );
        assert_eq!(
            child.ioctl_tiocsctty(&terminal).unwrap_err().errno(),
            Some(Errno::PERM),
            "it leads no session"
        );

        let session = child.setsid().unwrap();
        assert_eq!((controlling(pid), foreground(pid)), (0, -1));
        child.ioctl_tiocsctty(&terminal).unwrap();
        assert_eq!((controlling(pid), foreground(pid)), (device, pid));
        assert_eq!(child.ioctl_tiocgsid(&terminal).unwrap(), Some(session));
        assert_eq!(here.ioctl_tiocgsid(&master).unwrap(), Some(session));
        child.ioctl_tiocsctty(&terminal).unwrap();
        assert_eq!(controlling("self"), before);

        // `/dev/tty` is the controlling terminal.
        drop(open(&child, &c"/dev/tty".to_owned()));
        let member = child.spawn().unwrap();
        assert_eq!(controlling(member.pid().as_raw()), device);
        member.ioctl_tiocnotty(&terminal).unwrap();
        assert_eq!(controlling(member.pid().as_raw()), 0, "one member gives it up for itself");
        assert_eq!(controlling(pid), device);

        let member = child.spawn().unwrap();
        child.ioctl_tiocnotty(&terminal).unwrap();
        assert_eq!(controlling(pid), 0);
        assert_eq!(controlling(member.pid().as_raw()), 0, "the leader gives it up for everybody");
        let error = child.ioctl_tiocnotty(&terminal).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOTTY));
        assert_eq!(error.to_string(), "ioctl: Inappropriate ioctl for device (os error 25)");
    });
}

#[test]
fn no_terminal_is_taken_away_from_a_session() {
    deadline(|| {
        let here = Task::here();
        let (_master, path) = pseudoterminal();
        let (owner, thief) = (here.spawn().unwrap(), here.spawn().unwrap());
        let terminal = open(&here, &path);
        owner.setsid().unwrap();
        owner.ioctl_tiocsctty(&terminal).unwrap();
        thief.setsid().unwrap();
        // Also as root, who could.
        let error = thief.ioctl_tiocsctty(&terminal).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM));
        assert_eq!(controlling(thief.pid().as_raw()), 0);
        assert_eq!(controlling(owner.pid().as_raw()), here.fstat(&terminal).unwrap().st_rdev);
    });
}

#[test]
fn a_program_runs_on_the_terminal_of_its_task() {
    deadline(|| {
        let here = Task::here();
        let (master, path) = pseudoterminal();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let terminal = open(&child, &path);
        child.setsid().unwrap();
        child.ioctl_tiocsctty(&terminal).unwrap();
        let shell = Program::new("sh").args(["-c", "read line; echo got $line >/dev/tty"]);
        let process = child.program(&shell).fd(0, &terminal).exec().unwrap();
        here.write(&master, b"hello\n").unwrap();
        let mut output = Vec::new();
        while !output.ends_with(b"got hello\r\n") {
            let mut buffer = [0; 64];
            let length = here.read(&master, &mut buffer).unwrap();
            output.extend_from_slice(&buffer[..length]);
        }
        assert!(process.wait().unwrap().success());
        drop(terminal);
    });
}

#[test]
fn the_hangup_of_a_terminal_that_is_given_up_waits_for_the_program() {
    deadline(|| {
        let here = Task::here();
        let (_master, path) = pseudoterminal();
        let child = here.spawn().unwrap();
        let terminal = open(&child, &path);
        child.setsid().unwrap();
        child.ioctl_tiocsctty(&terminal).unwrap();
        child.ioctl_tiocnotty(&terminal).unwrap();
        assert_eq!(child.getpid().unwrap(), child.pid());
        let error = child.program(&Program::new("true")).exec().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Hangup);
    });
}

#[test]
fn what_is_no_terminal_is_refused() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        child.setsid().unwrap();
        let file = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        for error in [
            child.ioctl_tiocsctty(&file).unwrap_err(),
            child.ioctl_tiocnotty(&file).unwrap_err(),
            child.ioctl_tiocgsid(&file).unwrap_err(),
            here.ioctl_tiocsctty(&file).unwrap_err(),
            here.ioctl_tiocnotty(&file).unwrap_err(),
            here.ioctl_tiocgsid(&file).unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::NOTTY));
        }
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_on_a_terminal() {
    let here = Task::here();
    let (master, path) = pseudoterminal();
    let session = here.setsid().unwrap();
    let terminal = open(&here, &path);
    assert_eq!(controlling("self"), 0);
    here.ioctl_tiocsctty(&terminal).unwrap();
    assert_eq!(controlling("self"), here.fstat(&terminal).unwrap().st_rdev);
    assert_eq!(here.ioctl_tiocgsid(&terminal).unwrap(), Some(session));
    assert_eq!(here.ioctl_tiocgsid(&master).unwrap(), Some(session));

    // Given up by a child, for itself.
    let child = here.spawn().unwrap();
    assert_eq!(controlling(child.pid().as_raw()), controlling("self"));
    child.ioctl_tiocnotty(&terminal).unwrap();
    assert_eq!(controlling(child.pid().as_raw()), 0);
    assert_ne!(controlling("self"), 0);

    // It gets its own hangup.
    // SAFETY: no handler.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    let child = here.spawn().unwrap();
    here.ioctl_tiocnotty(&terminal).unwrap();
    assert_eq!(controlling("self"), 0);
    assert_eq!(controlling(child.pid().as_raw()), 0);
}

#[test]
fn the_calling_thread_puts_the_whole_process_on_a_terminal() {
    passes("host_on_a_terminal");
}
