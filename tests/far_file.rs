//! Which open file an fd names, compared with what `kcmp` says.

mod common;

use std::cmp::Ordering;
use std::fs;
use std::os::fd::AsFd;

use common::{Scratch, deadline, fds, same_open_file};
use nearfar::far::File;
use nearfar::interface::Call;
use nearfar::prelude::*;

/// Fds of `task`'s table that are of the same and of different open files of the same file.
fn several<K: far::Task>(task: &K, scratch: &Scratch) -> Vec<Fd<K::FdTable>> {
    let path = scratch.join("file");
    fs::write(&path, "content").unwrap();
    let open = || task.openat(Cwd, &path, OFlags::RDONLY, Mode::empty()).unwrap();
    let (first, second) = (open(), open());
    let copies = [task.dup(&first).unwrap(), task.dup(&second).unwrap()];
    let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
    [first, second, reader, writer].into_iter().chain(copies).collect()
}

/// Compares every fd of one task with every fd of another: `fds` is what belongs to one.
fn agree_with_kcmp<K: far::Task, L: far::Task>(
    (first, first_pid, first_fds): (&K, i32, &[Fd<K::FdTable>]),
    (second, second_pid, second_fds): (&L, i32, &[Fd<L::FdTable>]),
) -> usize {
    let mut same_ones = 0;
    for a in first_fds {
        for b in second_fds {
            let numbers = (a.near().as_raw(), b.near().as_raw());
            let same = same_open_file((first_pid, numbers.0), (second_pid, numbers.1));
            let (a, b) = (first.file(a).unwrap(), second.file(b).unwrap());
            assert_eq!(a.is_same_as(&b), Ok(same), "{numbers:?}");
            assert_eq!(b.is_same_as(&a), Ok(same), "{numbers:?}");
            assert_eq!(a.compare(&b) == Ok(Ordering::Equal), same);
            assert_eq!(a.compare(&b).unwrap(), b.compare(&a).unwrap().reverse());
            same_ones += usize::from(same);
        }
    }
    same_ones
}

#[test]
fn open_files_are_the_same_if_kcmp_says_so() {
    deadline(|| {
        let scratch = Scratch::new();
        let here = Task::here();
        let own_pid = std::process::id() as i32;
        let fds = several(&here, &scratch);
        // Six with themselves, and two pairs of copies both ways round.
        assert_eq!(agree_with_kcmp((&here, own_pid, &fds), (&here, own_pid, &fds)), 10);
        let child = here.spawn().unwrap();
        let child_pid = child.host_pid().as_raw();
        assert_eq!(agree_with_kcmp((&child, child_pid, &fds), (&here, own_pid, &fds)), 10);

        brand!(private_fds);
        let list: Vec<_> = fds.iter().collect();
        let (child, copies) = child.unshare_files(private_fds, list).unwrap();
        assert_eq!(agree_with_kcmp((&child, child_pid, &copies), (&here, own_pid, &fds)), 10);
        let own = several(&child, &scratch);
        assert_eq!(agree_with_kcmp((&child, child_pid, &own), (&here, own_pid, &fds)), 0);
    });
}

#[test]
fn an_order_of_open_files_sorts_them() {
    deadline(|| {
        let scratch = Scratch::new();
        let here = Task::here();
        let fds = several(&here, &scratch);
        let mut files: Vec<File> = fds.iter().map(|fd| here.file(fd).unwrap()).collect();
        files.sort_by(|a, b| a.compare(b).unwrap());
        files.dedup_by(|a, b| a.is_same_as(b).unwrap());
        assert_eq!(files.len(), 4);
    });
}

/// In a program of its own, as it counts fds.
#[test]
fn a_file_stays_open_as_long_as_its_identity_is_known() {
    common::passes("held_open");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn held_open() {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn().unwrap().unshare_files(private_fds, ()).unwrap();
    let (reader, writer) = child.pipe2(PipeFlags::NONBLOCK).unwrap();
    let before = fds(std::process::id());
    let file = child.file(&writer).unwrap();
    let copy = file.clone();
    let held = fds(std::process::id());
    assert_eq!(held.len(), before.len() + 1);
    let target = fds(child.host_pid())[&writer.near().as_raw()].clone();
    let number = held.iter().find(|(_, path)| **path == target).unwrap().0;
    assert!(common::number_is_close_on_exec(std::process::id(), *number));
    assert_eq!(format!("{file:?}"), format!("File(held by host_fds:{number})"));
    child.close(writer).unwrap();
    drop(file);
    let empty = child.read(&reader, &mut [0; 1]).unwrap_err();
    assert_eq!(empty.errno(), Some(Errno::AGAIN));
    drop(copy);
    assert_eq!(child.read(&reader, &mut [0; 1]), Ok(0));
    assert_eq!(fds(std::process::id()), before);
}

#[test]
fn who_watches_a_task_sees_that_a_file_is_asked_for() {
    deadline(|| {
        let here = Task::here();
        let no_copies = |call: Call, arguments: &[usize]| match call {
            Call::PIDFD_GETFD => {
                assert_eq!(arguments, [2]);
                Err(Errno::ACCESS)
            }
            _ => Ok(()),
        };
        let error = here.layer(&no_copies).file(std::io::stderr()).unwrap_err();
        assert_eq!(error.to_string(), "pidfd_getfd: Permission denied (os error 13)");
        let through_std = here.file(std::io::stderr()).unwrap();
        let again = std::io::stderr().as_fd().try_clone_to_owned().unwrap();
        assert_eq!(through_std.is_same_as(&here.file(&again).unwrap()), Ok(true));
    });
}

/// In a program of its own, as a filter stays for ever.
#[test]
fn an_answer_that_nobody_gives_is_an_error() {
    common::passes("without_kcmp");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn without_kcmp() {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let file = here.file(&reader).unwrap();
    let (same, other) = (here.file(&reader).unwrap(), here.file(&writer).unwrap());
    deny(libc::SYS_kcmp, libc::ENOSYS);
    assert_eq!(file.compare(&same).unwrap_err().errno(), Some(Errno::NOSYS));
    // What came later still answers, if the kernel has it.
    for (file, other, expected) in [(&file, &same, true), (&file, &other, false)] {
        match file.is_same_as(other) {
            Ok(answer) => assert_eq!(answer, expected),
            Err(error) => assert_eq!(error.call(), Call::KCMP),
        }
    }
    // A fcntl that refuses everything: now there is nobody to ask.
    deny(libc::SYS_fcntl, libc::EPERM);
    let error = file.is_same_as(&other).unwrap_err();
    assert_eq!(error.to_string(), "kcmp: Function not implemented (os error 38)");
    assert_eq!(file.is_same_as(&file.clone()), Ok(true));
}

/// Has the calling thread get this errno from a syscall.
#[allow(unsafe_code, reason = "rustix has no filters")]
fn deny(call: i64, errno: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let load = statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0);
    let is_it =
        libc::sock_filter { jf: 1, ..statement(libc::BPF_JMP | libc::BPF_JEQ, call as u32) };
    let refuse = statement(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | errno as u32);
    let allow = statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW);
    let mut filter = [load, is_it, refuse, allow];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    Task::here().prctl_set_no_new_privs().unwrap();
    // SAFETY: the kernel reads a filter that is alive.
    let set =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}
