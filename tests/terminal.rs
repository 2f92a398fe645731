//! The controlling terminal of a session; attributes, sizes and pseudoterminals.

#![allow(unsafe_code, reason = "signal has no safe wrapper")]

mod common;

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use common::{deadline, fds, number_is_close_on_exec, passes, stat};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use nearfar::rustix::termios::{LocalModes, SpecialCodeIndex};
use nearfar::task::SigAction;

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

        // Another group of the session comes to the foreground, told by one in the background.
        let other = child.spawn().unwrap();
        let group = other.setpgrp().unwrap();
        let own = child.getpgrp().unwrap().unwrap();
        assert_eq!(child.ioctl_tiocgpgrp(&terminal).unwrap(), Some(own));
        child.ioctl_tiocspgrp(&terminal, group).unwrap();
        assert_eq!(foreground(pid), other.pid().as_raw());
        assert_eq!(here.ioctl_tiocgpgrp(&master).unwrap(), Some(group));
        child.ioctl_tiocspgrp(&terminal, own).unwrap();
        assert_eq!(foreground(pid), pid);
        let ours = here.getpgrp().unwrap().unwrap();
        let refused = child.ioctl_tiocspgrp(&terminal, ours).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::PERM), "it is of another session");
        drop(other);

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
        // Whoever runs the tests may ignore it.
        child.set_sigaction(Signal::HUP, SigAction::Default).unwrap();
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
            child.ioctl_tiocgpgrp(&file).unwrap_err(),
            child.ioctl_tiocspgrp(&file, child.getpgrp().unwrap().unwrap()).unwrap_err(),
            here.ioctl_tiocsctty(&file).unwrap_err(),
            here.ioctl_tiocnotty(&file).unwrap_err(),
            here.ioctl_tiocgsid(&file).unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::NOTTY));
        }
    });
}

fn has_attributes<K>(task: &K)
where
    K: TerminalTask + FileDescriptorTask<PidNamespace = HostPids, AddressSpace = HostMemory>,
{
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let master = task.openat(Cwd, "/dev/ptmx", flags, Mode::empty()).unwrap();
    let number = task.ioctl_tiocgptn(&master).unwrap();
    let error = task.ioctl_tiocgptpeer(&master, flags).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::IO), "it is locked at first");
    task.ioctl_tiocsptlck(&master, false).unwrap();
    let terminal = task.ioctl_tiocgptpeer(&master, flags).unwrap();
    let fd = terminal.near().as_raw();
    assert!(fd >= 3 && number_is_close_on_exec(task.pid(), fd));
    let path = format!("/dev/pts/{number}");
    assert_eq!(fds(task.pid())[&fd], PathBuf::from(&path));
    task.ioctl_tiocsptlck(&master, true).unwrap();
    let error = task.openat(Cwd, path.as_str(), flags, Mode::empty()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::IO));
    task.ioctl_tiocsptlck(&master, false).unwrap();
    let opened = task.openat(Cwd, path.as_str(), flags, Mode::empty()).unwrap();

    // Another program is asked what it sees.
    let stty = |arguments: &[&str]| {
        let mut stty = std::process::Command::new("stty");
        let output = stty.args(["-F", &path]).args(arguments).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let size = Winsize { ws_row: 33, ws_col: 44, ws_xpixel: 55, ws_ypixel: 66 };
    task.ioctl_tiocswinsz(&terminal, size).unwrap();
    assert_eq!(stty(&["size"]), "33 44\n");
    stty(&["rows", "12", "cols", "34"]);
    let changed = Winsize { ws_row: 12, ws_col: 34, ..size };
    assert_eq!(task.ioctl_tiocgwinsz(&master).unwrap(), changed);

    stty(&["intr", "^B", "eol2", "^E", "ispeed", "9600", "ospeed", "9600", "-echo", "time", "7"]);
    let mut attributes = task.ioctl_tcgets(&terminal).unwrap();
    assert_eq!(attributes.special_codes[SpecialCodeIndex::VINTR], 2);
    assert_eq!(attributes.special_codes[SpecialCodeIndex::VEOL2], 5);
    assert_eq!(attributes.special_codes[SpecialCodeIndex::VTIME], 7);
    assert_eq!((attributes.input_speed(), attributes.output_speed()), (9600, 9600));
    assert!(!attributes.local_modes.contains(LocalModes::ECHO));
    assert!(attributes.local_modes.contains(LocalModes::ICANON));
    let before = stty(&["-g"]);
    task.ioctl_tcsets(&terminal, OptionalActions::Drain, &attributes).unwrap();
    assert_eq!(stty(&["-g"]), before, "there and back");

    attributes.special_codes[SpecialCodeIndex::VINTR] = 4;
    attributes.set_speed(19200).unwrap();
    attributes.local_modes |= LocalModes::ECHO;
    task.ioctl_tcsets(&terminal, OptionalActions::Now, &attributes).unwrap();
    let told = stty(&["-a"]);
    assert!(told.contains("speed 19200 baud") && told.contains("intr = ^D;"), "{told}");
    assert!(told.contains(" echo ") && told.contains("eol2 = ^E;"), "{told}");

    // A line that was not read is thrown away, if it is asked for.
    task.write(&master, b"lost\n").unwrap();
    let mut fds = [PollFd::new(&opened, PollFlags::IN)];
    assert_eq!(task.ppoll(&mut fds, None).unwrap(), 1);
    task.ioctl_tcsets(&terminal, OptionalActions::Flush, &attributes).unwrap();
    assert_eq!(task.ppoll(&mut fds, Some(Duration::ZERO)).unwrap(), 0);

    let null = task.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
    for error in [
        task.ioctl_tcgets(&null).unwrap_err(),
        task.ioctl_tcsets(&null, OptionalActions::Now, &attributes).unwrap_err(),
        task.ioctl_tiocgwinsz(&null).unwrap_err(),
        task.ioctl_tiocswinsz(&null, size).unwrap_err(),
        task.ioctl_tiocgptn(&null).unwrap_err(),
        task.ioctl_tiocsptlck(&terminal, true).unwrap_err(),
        task.ioctl_tiocgptpeer(&null, flags).unwrap_err(),
    ] {
        assert_eq!(error.errno(), Some(Errno::NOTTY));
    }
    let error = task.ioctl_tiocgptpeer(&terminal, flags).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOTTY), "it is not the master");
    let error = task.ioctl_tiocgptpeer(&master, OFlags::TRUNC).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFlags);
}

#[test]
fn attributes_and_size_are_what_other_programs_see() {
    deadline(|| {
        let here = Task::here();
        has_attributes(&here);
        has_attributes(&here.spawn().unwrap());
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        has_attributes(&child);
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
