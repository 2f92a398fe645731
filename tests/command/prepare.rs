//! Preparing the child.

use std::fmt;
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use nearfar::Dynamic;
use nearfar::far::NamespaceMismatchError;
use nearfar::inspect::ReadError;
use nearfar::prelude::*;
use nearfar::process::{Command, PrepareError};
use nearfar::task::NotUnshared;
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, dumpable_behavior};

use super::{cat, inner, printed, sh, until_it_reads};
use crate::common::{deadline, fds, is_gone, numbers, passes, zombies};

#[test]
fn in_order_and_in_the_calling_thread_each_time() {
    deadline(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut command = Command::new("true");
        for step in ["first", "second", "third"] {
            let seen = Arc::clone(&seen);
            command.prepare(move |child| {
                assert_ne!(child.getpid()?.as_raw(), std::process::id() as i32);
                seen.lock().unwrap().push((step, thread::current().id()));
                Ok(())
            });
        }
        for _ in 0..2 {
            assert!(command.status().unwrap().success());
            let steps = std::mem::take(&mut *seen.lock().unwrap());
            let me = thread::current().id();
            assert_eq!(steps, [("first", me), ("second", me), ("third", me)]);
        }
    });
}

#[test]
fn what_is_done_in_the_child_is_the_programs() {
    deadline(|| {
        let mask = printed(&mut sh("umask"));
        let mut command = sh("umask; nice");
        command.prepare(|child| {
            child.umask(Mode::from(0o027))?;
            child.setpriority(5)?;
            Ok(())
        });
        assert_eq!(printed(&mut command), "0027\n5\n");
        // And not ours.
        assert_eq!(printed(&mut sh("umask")), mask);
    });
}

#[test]
fn its_pid_is_the_programs() {
    deadline(|| {
        let told = Arc::new(AtomicI32::new(0));
        let mut command = cat();
        let tells = Arc::clone(&told);
        command.prepare(move |child| {
            tells.store(child.getpid()?.as_raw(), Ordering::Relaxed);
            Ok(())
        });
        let mut child = command.spawn().unwrap();
        assert_eq!(told.load(Ordering::Relaxed) as u32, child.id());
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn it_is_in_its_group_and_may_do_what_the_host_may() {
    deadline(|| {
        // It needs to be root.
        let mut command = Command::new("true");
        command.uid(65534).process_group(0).prepare(|child| {
            drop(child.openat(Cwd, "/etc/shadow", OFlags::RDONLY, Mode::empty())?);
            let group = child.getpgrp()?.map(|group| group.as_raw());
            assert_eq!(group, Some(child.getpid()?.as_raw()));
            Ok(())
        });
        assert!(command.status().unwrap().success());
    });
}

#[test]
fn what_it_opens_is_closed() {
    deadline(|| {
        let mut command = cat();
        command.prepare(|child| {
            let zero = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
            child.fcntl_setfd(&zero, FdFlags::empty())?;
            // Nobody owns it any more, and it is not close-on-exec.
            let _number = zero.into_near();
            let (reader, writer) = child.pipe2(PipeFlags::empty())?;
            let both = (reader.into_near(), writer.into_near());
            assert_ne!(both.0, both.1);
            Ok(())
        });
        let mut child = command.spawn().unwrap();
        until_it_reads(&child);
        assert_eq!(numbers(child.id()), [0, 1, 2]);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn it_has_the_fds_it_was_given_and_the_program_has_not() {
    deadline(|| {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let zero = File::open("/dev/zero").unwrap();
        let mut command = cat();
        command.prepare_with([OwnedFd::from(zero), theirs.into()], |child, [zero, socket]| {
            let mut zeroes = [1; 3];
            assert_eq!(child.read(zero, &mut zeroes)?, 3);
            assert_eq!(zeroes, [0; 3]);
            child.write(socket, b"written by the child")?;
            Ok(())
        });
        for _ in 0..2 {
            let mut child = command.spawn().unwrap();
            until_it_reads(&child);
            assert_eq!(numbers(child.id()), [0, 1, 2]);
            assert!(child.wait().unwrap().success());
        }
        // The command's own copy was the last.
        drop(command);
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "written by the child".repeat(2));
    });
}

#[test]
fn what_the_program_gets_is_in_nobodys_way() {
    deadline(|| {
        // One file for two numbers, for a step, and the step opens others where they were to be put.
        let file = File::open("/dev/full").unwrap();
        let mut command = cat();
        command.fd(3, file.try_clone().unwrap()).fd(4, file.try_clone().unwrap());
        command.prepare_with([file], |child, [file]| {
            let mut opened = Vec::new();
            for _ in 0..20 {
                opened.push(child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?);
            }
            child.fstat(file)?;
            Ok(())
        });
        let mut child = command.spawn().unwrap();
        until_it_reads(&child);
        let seen = fds(child.id());
        assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert!([3, 4].iter().all(|number| seen[number].ends_with("full")), "{seen:?}");
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn nothing_is_prepared_for_what_cannot_be_told_to_the_kernel() {
    deadline(|| {
        let mut command = Command::new("a\0b");
        command.prepare(|_| panic!("it should not come to this"));
        assert_eq!(command.spawn().unwrap_err().kind(), ErrorKind::InvalidInput);
    });
}

#[derive(Debug, PartialEq)]
struct OurOwn(u32);

impl fmt::Display for OurOwn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "our own {}", self.0)
    }
}

impl std::error::Error for OurOwn {}

/// What a program is prepared with that is never to be; tells the child's pid.
fn failing(
    with: impl Fn() -> nearfar::process::PrepareError + Send + Sync + 'static,
) -> (Command, Arc<AtomicI32>) {
    let told = Arc::new(AtomicI32::new(0));
    let tells = Arc::clone(&told);
    let mut command = cat();
    command.prepare_with([File::open("/dev/zero").unwrap()], move |child, [_zero]| {
        tells.store(child.getpid()?.as_raw(), Ordering::Relaxed);
        let _open = child.pipe2(PipeFlags::empty())?.0.into_near();
        Err(with())
    });
    command.prepare(|_| panic!("a step after one that failed"));
    (command, told)
}

#[test]
fn its_error_arrives_as_it_is() {
    deadline(|| {
        let (mut command, told) = failing(|| OurOwn(7).into());
        let error = command.spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other);
        assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&OurOwn(7)));
        assert!(is_gone(told.load(Ordering::Relaxed)));

        let (mut command, told) = failing(|| Error::from_raw_os_error(libc::EXDEV).into());
        let error = command.spawn().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EXDEV));
        assert!(is_gone(told.load(Ordering::Relaxed)));

        let mut command = cat();
        command.prepare(|child| {
            drop(child.openat(Cwd, "/nowhere", OFlags::RDONLY, Mode::empty())?);
            Ok(())
        });
        let error = command.output().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = inner(&error);
        assert_eq!((error.call().name(), error.errno()), ("openat", Some(Errno::NOENT)));

        let (mut command, told) = failing(|| "words".into());
        assert_eq!(command.status().unwrap_err().to_string(), "words");
        assert!(is_gone(told.load(Ordering::Relaxed)));
    });
}

#[test]
fn what_has_a_kind_keeps_it() {
    deadline(|| {
        let kind = |with: fn() -> PrepareError| failing(with).0.spawn().unwrap_err();
        let error = kind(|| Errno::EXIST.into());
        let is = (error.kind(), error.raw_os_error());
        assert_eq!(is, (ErrorKind::AlreadyExists, Some(libc::EEXIST)));

        // An fd that is not in its table.
        fn foreign() -> NotUnshared<(), (), Dynamic> {
            let mut task = Task::here().spawn().unwrap().erase();
            let here = Task::here();
            let null =
                here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap().erase();
            drop(task.unshare_files_in_place(()));
            task.unshare_files_in_place(&null).unwrap_err()
        }
        let error = kind(|| foreign().into());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(inner(&error).call().name(), "close_range");
        let error = kind(|| match foreign().error.kind() {
            nearfar::ErrorKind::Mismatch(mismatch) => mismatch.into(),
            other => panic!("{other:?}"),
        });
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.get_ref().unwrap().is::<NamespaceMismatchError>());

        let error = kind(|| {
            brand!(no_memory);
            let (reader, _writer) = Task::here().pipe2(PipeFlags::empty()).unwrap();
            ReadError::from(ProcessMemory::open(no_memory, &reader).unwrap_err()).into()
        });
        assert_eq!(inner(&error).errno(), Some(Errno::BADF));
        let error = kind(|| {
            let here = Task::here();
            let mapping = here.mmap_anonymous(4096, ProtFlags::READ).unwrap();
            here.mremap(mapping, usize::MAX).unwrap_err().into()
        });
        assert_eq!(inner(&error).call().name(), "mremap");
    });
}

#[test]
fn a_panic_goes_through_and_the_child_with_it() {
    deadline(|| {
        let (mut command, told) = failing(|| panic!("as it should"));
        let panic = catch_unwind(AssertUnwindSafe(|| command.spawn())).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"as it should"));
        assert!(is_gone(told.load(Ordering::Relaxed)));
    });
}

/// A process of its own, as other tests would have fds and children of theirs meanwhile.
#[test]
#[ignore = "a host for the test below"]
fn host_whose_spawns_fail() {
    // What is made once and kept.
    assert!(cat().prepare(|_| Ok(())).status().unwrap().success());
    let me = std::process::id();
    let before = fds(me);
    let spawn = |command: &mut Command| match catch_unwind(AssertUnwindSafe(|| command.spawn())) {
        Ok(spawned) => assert!(spawned.is_err(), "there is no program"),
        Err(panic) => assert!(panic.downcast_ref::<&str>().is_some_and(|text| *text == "out")),
    };
    for _ in 0..3 {
        spawn(&mut failing(|| OurOwn(1).into()).0);
        spawn(&mut failing(|| panic!("out")).0);
        spawn(cat().current_dir("/nowhere"));
        spawn(cat().current_dir("/nowhere").prepare(|_| Ok(())));
        spawn(&mut Command::new("/nowhere"));
        spawn(cat().process_group(i32::MAX));
        spawn(cat().controlling_terminal());
        spawn(cat().cgroup(File::open("/").unwrap()));
        spawn(cat().fd(u16::MAX, File::open("/").unwrap()).current_dir("/nowhere"));
    }
    assert_eq!(zombies(), Vec::<i32>::new());
    assert_eq!(fds(me), before);
    let children = std::fs::read_dir("/proc/self/task").unwrap().map(|task| {
        std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default()
    });
    assert_eq!(children.collect::<String>(), "");
}

#[test]
fn a_failure_leaves_nothing() {
    passes("command::prepare::host_whose_spawns_fail");
}

/// A process of its own, as the flag is the process's.
#[test]
#[ignore = "a host for the test below"]
fn host_of_another_users_program() {
    let dumpable = || dumpable_behavior().unwrap();
    for before in [DumpableBehavior::Dumpable, DumpableBehavior::NotDumpable] {
        rustix::process::set_dumpable_behavior(before).unwrap();
        let mut child = cat().uid(65534).gid(65534).spawn().unwrap();
        assert_eq!(dumpable(), before, "while it runs");
        assert!(child.wait().unwrap().success());
        assert_eq!(dumpable(), before, "when it has ended");
        let mut missing = Command::new("/nowhere");
        missing.uid(65534).spawn().unwrap_err();
        assert_eq!(dumpable(), before, "when there is no program");
    }
}

#[test]
fn another_users_program_leaves_the_host_as_dumpable_as_it_was() {
    // It needs to be root.
    passes("command::prepare::host_of_another_users_program");
}
