//! Working directory, root and umask: a child's own, and those of this whole process.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{deadline, passes, status};
use nearfar::ErrorKind;
use nearfar::prelude::*;

/// What `/proc` says that a process's paths start from.
#[derive(Debug, PartialEq, Eq)]
struct Start {
    directory: PathBuf,
    root: PathBuf,
    umask: String,
}

impl Start {
    fn of(process: i32) -> Self {
        let link = |name| fs::read_link(format!("/proc/{process}/{name}")).unwrap();
        Start { directory: link("cwd"), root: link("root"), umask: status(process, "Umask") }
    }

    fn here() -> Self {
        Start::of(std::process::id() as i32)
    }
}

#[test]
fn a_child_moves_itself_and_nobody_else() {
    deadline(|| {
        let here = Task::here();
        let before = Start::here();
        let child = here.spawn().unwrap();
        let sibling = here.spawn().unwrap();
        let of = |task: &Task<_, _, _>| Start::of(task.pid().as_raw());
        assert_eq!(of(&child), before);

        child.chdir("/proc").unwrap();
        assert_eq!(of(&child), Start { directory: "/proc".into(), ..Start::here() });
        let usr = child.openat(Cwd, "/usr", OFlags::DIRECTORY, Mode::empty()).unwrap();
        child.fchdir(&usr).unwrap();
        assert_eq!(of(&child), Start { directory: "/usr".into(), ..Start::here() });
        let old = child.umask(Mode::RWXO).unwrap();
        assert_eq!(format!("{:04o}", old.bits()), before.umask);
        child.chroot("/usr").unwrap();
        let moved =
            Start { directory: "/usr".into(), root: "/usr".into(), umask: "0007".to_owned() };
        assert_eq!(of(&child), moved);

        // Whoever comes from it starts there.
        let grandchild = child.spawn().unwrap();
        assert_eq!(of(&grandchild), moved);
        grandchild.chdir("/").unwrap();
        assert_eq!(of(&child), moved);

        assert_eq!(of(&sibling), before);
        assert_eq!(Start::here(), before);
    });
}

#[test]
fn paths_of_the_child_start_where_it_is() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let its = format!("/proc/{}", child.pid().as_raw());
        child.chdir(its.as_str()).unwrap();
        let read = |path: &str| {
            let file = child.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
            let mut buffer = [0; 64];
            let length = child.read(&file, &mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        };
        let name = fs::read_to_string(format!("{its}/comm")).unwrap();
        assert_eq!(read("comm"), name);
        child.chroot(".").unwrap();
        assert_eq!(read("/comm"), name);
        assert_eq!(read("/../../comm"), name);
        let comm = |task: &Task<_, _, _>| task.openat(Cwd, "/comm", OFlags::RDONLY, Mode::empty());
        drop(comm(&child).unwrap());
        let sibling = here.spawn().unwrap();
        assert_eq!(comm(&sibling).unwrap_err().errno(), Some(Errno::NOENT));
    });
}

#[test]
fn chroot_moves_neither_the_directory_nor_open_fds() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let open = |directory: &Fd<HostFds>, path: &str| {
            let opened = child.openat(directory, path, OFlags::DIRECTORY, Mode::empty()).unwrap();
            fs::read_link(format!("/proc/self/fd/{}", opened.near().as_raw())).unwrap()
        };
        let usr = child.openat(Cwd, "/usr", OFlags::DIRECTORY, Mode::empty()).unwrap();
        child.chdir("/usr").unwrap();
        child.chroot("/proc").unwrap();
        assert_eq!(open(&usr, ".."), PathBuf::from("/"));
        let above = child.openat(Cwd, "..", OFlags::DIRECTORY, Mode::empty()).unwrap();
        assert_eq!(open(&above, "usr"), PathBuf::from("/usr"));
    });
}

#[test]
fn the_program_starts_where_its_task_was() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let child = here.spawn().unwrap();
        child.chdir("/usr").unwrap();
        child.umask(Mode::RWXG).unwrap();
        let shell = Program::new("sh").args(["-c", "pwd; umask"]);
        let process = child.program(&shell).fd(1, &writer).exec().unwrap();
        assert!(process.wait().unwrap().success());
        let mut buffer = [0; 64];
        let length = here.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"/usr\n0070\n");
    });
}

#[test]
fn umask_counts_permissions_only() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.umask(Mode::from_bits_retain(u32::MAX)).unwrap();
        assert_eq!(status(child.pid().as_raw(), "Umask"), "0777");
        assert_eq!(child.umask(Mode::empty()).unwrap().bits(), 0o777);
        assert_eq!(status(child.pid().as_raw(), "Umask"), "0000");
    });
}

#[test]
fn errors_are_the_kernels_or_about_the_path() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let file = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        for error in [
            child.chdir("/no such directory").unwrap_err(),
            child.chroot("/no such directory").unwrap_err(),
            here.chdir("/no such directory").unwrap_err(),
            here.chroot("/no such directory").unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::NOENT));
        }
        for error in [
            child.chdir("/dev/null").unwrap_err(),
            child.fchdir(&file).unwrap_err(),
            here.fchdir(&file).unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::NOTDIR));
        }
        for error in [child.chdir("a\0b").unwrap_err(), child.chroot("a\0b").unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::InteriorNul);
        }
        assert_eq!(
            child.chroot("/no such directory").unwrap_err().to_string(),
            "chroot: No such file or directory (os error 2)"
        );
        child.killer().kill().unwrap();
        let dead = child.chdir("/").unwrap_err().kind();
        assert!(matches!(dead, ErrorKind::NotSent | ErrorKind::Hangup));
        assert_eq!(child.umask(Mode::empty()).unwrap_err().kind(), ErrorKind::NotSent);
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_that_moves_itself() {
    let here = Task::here();
    let earlier = here.spawn().unwrap();
    let before = Start::here();
    here.chdir("/proc").unwrap();
    assert_eq!(Start::here().directory, PathBuf::from("/proc"));
    let usr = here.openat(Cwd, "/usr", OFlags::DIRECTORY, Mode::empty()).unwrap();
    here.fchdir(&usr).unwrap();
    assert_eq!(Start::here().directory, PathBuf::from("/usr"));
    here.umask(Mode::RWXO).unwrap();
    assert_eq!(here.umask(Mode::RWXG).unwrap(), Mode::RWXO);
    assert_eq!(status("self", "Umask"), "0070");
    assert_eq!(
        Start::of(earlier.pid().as_raw()),
        before,
        "a child that is there already has its own"
    );
    let moved = Start::here();
    assert_eq!(Start::of(here.spawn().unwrap().pid().as_raw()), moved);

    // After this there is no /proc to look into, but through what is open.
    let proc = here.openat(Cwd, "/proc", OFlags::DIRECTORY, Mode::empty()).unwrap();
    here.chroot("/usr").unwrap();
    let root = rustix::fs::readlinkat(std::fs::File::from(proc), "self/root", Vec::new()).unwrap();
    // As this process sees its own root.
    assert_eq!(root.as_c_str(), c"/");
    drop(here.openat(Cwd, "/bin", OFlags::DIRECTORY, Mode::empty()).unwrap());
    assert!(!fs::exists("/proc").unwrap());
    assert!(!fs::exists("/usr").unwrap());
}

#[test]
#[ignore = "a host for the test below"]
fn host_that_leaves_a_directory() {
    let here = Task::here();
    here.chdir("/proc/self").unwrap();
    let sleep = Program::new("sleep").arg("1000").current_dir("/");
    let process = here.spawn().unwrap().program(&sleep).exec().unwrap();
    here.chdir("/").unwrap();
    // Not even a thread that is there for the program is in it, so that it could be unmounted.
    let threads = common::threads();
    assert!(threads.len() > 1);
    for thread in threads {
        let directory = std::fs::read_link(format!("/proc/self/task/{thread}/cwd"));
        assert_eq!(directory.unwrap(), std::path::Path::new("/"));
    }
    process.kill().unwrap();
    assert_eq!(process.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[test]
fn a_child_keeps_no_directory_of_its_parent() {
    passes("host_that_leaves_a_directory");
}

#[test]
fn the_calling_thread_moves_the_whole_process() {
    passes("host_that_moves_itself");
}

/// It is a borrowed fd to std.
#[test]
#[should_panic(expected = "pass `Cwd`")]
fn what_rustix_calls_the_directory_is_no_fd() {
    let child = Task::here().spawn().unwrap();
    child.chdir("/proc").unwrap();
    let there = child.openat(rustix::fs::CWD, "uptime", OFlags::RDONLY, Mode::empty());
    drop(there.expect("it is the child's own directory"));
    let _panicked = child.fchdir(rustix::fs::CWD);
}
