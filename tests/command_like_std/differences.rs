//! Where the two differ on purpose, as the documentation of `Command` lists it.

use std::fs::{self, File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process as theirs;

use nearfar::process as ours;

use crate::common::{ForEverybody, deadline, host_of, is_gone, state, this_program, until};
use crate::directory;

#[test]
fn an_fd_without_close_on_exec_reaches_stds_program_alone() {
    deadline(|| {
        let file = File::open("/dev/zero").unwrap();
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let output = theirs::Command::new("readlink").arg(&path).output().unwrap();
        assert_eq!(output.stdout, b"/dev/zero\n");
        let output = ours::Command::new("readlink").arg(&path).output().unwrap();
        assert_eq!(output.stdout, b"");
        assert_eq!(output.status.code(), Some(1));
    });
}

#[test]
fn a_script_without_an_interpreter_may_be_given_to_a_shell_by_std() {
    deadline(|| {
        let directory = directory();
        let script = directory.join("script");
        fs::write(&script, "echo by a shell\n").unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        // Where std uses `posix_spawn`, it does not.
        let error = theirs::Command::new(&script).spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOEXEC));
        // Where it uses `execvp`, it does.
        let mut command = theirs::Command::new(&script);
        // SAFETY: does nothing.
        let output = unsafe { command.pre_exec(|| Ok(())) }.output().unwrap();
        assert_eq!(output.stdout, b"by a shell\n");
        let mut prepared = ours::Command::new(&script);
        prepared.prepare(|_| Ok(()));
        for mut command in [ours::Command::new(&script), prepared] {
            let error = command.spawn().unwrap_err();
            let inner = nearfar::Error::from_io_error(&error).unwrap();
            assert_eq!(inner.raw_os_error(), Some(libc::ENOEXEC));
        }
        fs::remove_dir_all(directory).unwrap();
    });
}

#[test]
fn our_errors_name_the_call() {
    deadline(|| {
        let theirs = theirs::Command::new("/nowhere").spawn().unwrap_err();
        assert_eq!(theirs.raw_os_error(), Some(libc::ENOENT));
        assert_eq!(nearfar::Error::from_io_error(&theirs), None);
        let ours = ours::Command::new("/nowhere").spawn().unwrap_err();
        assert_eq!(ours.raw_os_error(), None);
        assert_eq!(ours.kind(), theirs.kind());
        let inner = nearfar::Error::from_io_error(&ours).unwrap();
        assert_eq!((inner.call().name(), inner.raw_os_error()), ("execve", Some(libc::ENOENT)));

        let mut command = ours::Command::new("true");
        let ours = command.current_dir("/nowhere").spawn().unwrap_err();
        let inner = nearfar::Error::from_io_error(&ours).unwrap();
        assert_eq!((inner.call().name(), inner.raw_os_error()), ("chdir", Some(libc::ENOENT)));
    });
}

#[test]
fn what_is_dropped_stays_a_zombie_of_stds() {
    deadline(|| {
        let theirs = theirs::Command::new("true").spawn().unwrap().id();
        let ours = ours::Command::new("true").spawn().unwrap().id();
        until("ended", || state(theirs) == Some('Z'));
        until("reaped by a later spawn", || {
            ours::Command::new("true").status().unwrap();
            is_gone(ours)
        });
        assert!(theirs::Command::new("true").status().unwrap().success());
        assert_eq!(state(theirs), Some('Z'));
        // SAFETY: asks for no status, of a child that nobody else waits for.
        assert!(unsafe { libc::waitpid(theirs as i32, std::ptr::null_mut(), 0) } > 0);
    });
}

#[test]
fn ours_prepares_before_the_ids_change() {
    deadline(|| {
        // It needs to be root.
        let mut command = theirs::Command::new("true");
        let open_shadow = || {
            // SAFETY: the path is a static string.
            let fd =
                unsafe { libc::open(c"/etc/shadow".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
            if fd < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: makes one call.
        unsafe { command.uid(65534).pre_exec(open_shadow) };
        assert_eq!(command.status().unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);

        use nearfar::prelude::*;
        let mut command = ours::Command::new("true");
        command.uid(65534).prepare(|child| {
            drop(child.openat(Cwd, "/etc/shadow", OFlags::RDONLY, Mode::empty())?);
            Ok(())
        });
        assert!(command.status().unwrap().success());
    });
}

#[test]
fn std_passes_on_which_signals_are_blocked() {
    deadline(|| {
        let change = |how: libc::c_int| {
            let set: u64 = 1 << (libc::SIGUSR2 - 1);
            let size = size_of_val(&set);
            let none = std::ptr::null_mut::<u64>();
            // SAFETY: the set is a local; only this thread's mask is changed, and put back.
            let changed =
                unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const set, none, size) };
            assert_eq!(changed, 0);
        };
        let program = ["SigBlk", "/proc/self/status"];
        change(libc::SIG_BLOCK);
        let theirs = theirs::Command::new("grep").args(program).output().unwrap();
        let ours = ours::Command::new("grep").args(program).output().unwrap();
        change(libc::SIG_UNBLOCK);
        assert_eq!(theirs.stdout, b"SigBlk:\t0000000000000800\n");
        assert_eq!(ours.stdout, b"SigBlk:\t0000000000000000\n");
    });
}

#[test]
fn ours_tells_what_it_was_given_with_nul_bytes() {
    assert_eq!(theirs::Command::new("a\0b").get_program(), "<string-with-nul>");
    assert_eq!(ours::Command::new("a\0b").get_program(), "a\0b");
}

#[test]
#[ignore = "a host for the test below"]
fn host_that_is_two_users() {
    let program = ["Uid", "/proc/self/status"];
    let theirs = theirs::Command::new("grep").args(program).uid(65533).output().unwrap();
    assert_eq!(theirs.stdout, b"Uid:\t65534\t65533\t65533\t65533\n");
    let ours = ours::Command::new("grep").args(program).uid(65533).output().unwrap();
    assert_eq!(ours.stdout, b"Uid:\t65533\t65533\t65533\t65533\n");
}

#[test]
fn the_uid_is_all_of_them_for_users_without_privileges_too() {
    deadline(|| {
        // It needs to be root, to become two others.
        let copy = ForEverybody::copied(this_program());
        let mut host = host_of(copy.path(), "differences::host_that_is_two_users");
        let become_two = || {
            // SAFETY: passes numbers.
            let became = unsafe { libc::setresuid(65534, 65533, 65533) };
            if became < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
        };
        // SAFETY: makes one call.
        unsafe { host.pre_exec(become_two) };
        let output = host.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    });
}
