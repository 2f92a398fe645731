//! Child tasks: what they share, who their parent is, and how long they live.

mod common;

use std::fs;
use std::thread;

use common::{
    Cgroup, Resource, deadline, fds, is_dead, is_gone, numbers, same_open_file, share, state,
    until, until_blocked_in,
};
use nearfar::ErrorKind;
use nearfar::prelude::*;

fn me() -> u32 {
    std::process::id()
}

#[test]
fn a_child_shares_memory_and_fds_but_not_directories() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        assert!(share(Resource::Memory, me(), child.pid()));
        assert!(share(Resource::Files, me(), child.pid()));
        assert!(!share(Resource::Directories, me(), child.pid()));
        let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).unwrap();
        assert_eq!(namespace(child.pid().as_raw()), namespace(me() as i32));
    });
}

#[test]
fn fds_and_slices_work_in_the_child_both_ways() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        child.write(&writer, b"from the child").unwrap();
        let mut buffer = vec![0; 32];
        let length = here.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"from the child");

        let (reader, writer) = child.pipe2(PipeFlags::empty()).unwrap();
        here.write(&writer, b"from here").unwrap();
        let length = child.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"from here");
        assert!(same_open_file(
            (me(), reader.near().as_raw()),
            (child.pid(), reader.near().as_raw())
        ));
    });
}

#[test]
fn a_child_knows_its_own_pid_and_parent() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        assert_eq!(child.getpid().unwrap(), child.pid());
        assert_eq!(child.getppid().unwrap(), Some(here.getpid().unwrap()));
        assert_eq!(child.getpgrp().unwrap(), here.getpgrp().unwrap());
        let parent = format!("PPid:\t{}\n", me());
        let status = fs::read_to_string(format!("/proc/{}/status", child.pid().as_raw())).unwrap();
        assert!(status.contains(&parent), "{status}");
    });
}

#[test]
fn dropping_a_child_reaps_it() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let pid = child.pid();
        assert!(!is_gone(pid));
        drop(child);
        assert!(is_gone(pid));
    });
}

#[test]
fn dropping_a_stopped_child_reaps_it() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid();
        common::stop(pid);
        drop(child);
        assert!(is_gone(pid));
    });
}

#[test]
fn a_child_outlives_the_thread_that_spawned_it() {
    deadline(|| {
        let spawner = thread::spawn(|| {
            let thread = rustix::thread::gettid().as_raw_nonzero().get();
            (thread, Task::here().spawn().unwrap())
        });
        let (thread, child) = spawner.join().unwrap();
        let path = format!("/proc/self/task/{thread}");
        until("the thread is gone", || !fs::exists(&path).unwrap());
        assert_eq!(child.getpid().unwrap(), child.pid());
    });
}

#[test]
fn a_child_can_be_driven_from_another_thread() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let pid = child.pid();
        let seen = thread::spawn(move || child.getpid().unwrap()).join().unwrap();
        assert_eq!(seen, pid);
        assert!(is_gone(pid), "dropped by the thread");
    });
}

#[test]
fn a_grandchild_is_a_child_of_this_process_in_its_parents_table() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(middle_fds);
        let (middle, writer) = here.spawn_with_files(middle_fds, writer).unwrap();
        let grandchild = middle.spawn().unwrap();
        assert!(share(Resource::Files, middle.pid(), grandchild.pid()));
        assert!(!share(Resource::Files, me(), grandchild.pid()));
        assert_eq!(grandchild.getppid().unwrap(), Some(here.getpid().unwrap()));
        assert_eq!(
            numbers(middle.pid()),
            [0, 1, 2, writer.near().as_raw()],
            "no pidfd is left behind"
        );
        grandchild.write(&writer, b"x").unwrap();
        assert_eq!(here.read(&reader, &mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn a_grandchild_outlives_its_parent() {
    deadline(|| {
        let here = Task::here();
        for become_a_program in [false, true] {
            brand!(middle_fds);
            let (middle, ()) = here.spawn_with_files(middle_fds, ()).unwrap();
            let grandchild = middle.spawn().unwrap();
            let great_grandchild = grandchild.spawn().unwrap();
            if become_a_program {
                let process = middle.program(&Program::new("true")).exec().unwrap();
                assert!(process.wait().unwrap().success());
            } else {
                drop(middle);
            }
            assert_eq!(grandchild.getpid().unwrap(), grandchild.pid());
            drop(grandchild);
            assert_eq!(great_grandchild.getpid().unwrap(), great_grandchild.pid());
        }
    });
}

#[test]
fn sigkill_in_a_blocking_read_is_a_hangup() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let child = here.spawn().unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        let mut buffer = [7; 64];
        thread::scope(|scope| {
            scope.spawn(move || {
                until_blocked_in(pid, libc::SYS_read);
                killer.kill().unwrap();
            });
            let error = child.read(&reader, &mut buffer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Hangup);
            assert_eq!(error.to_string(), "read: the task died before it answered");
        });
        // The dead child takes nothing out of the pipe, and writes nothing into the buffer.
        here.write(&writer, b"later").unwrap();
        assert_eq!(buffer, [7; 64]);
        assert_eq!(here.read(&reader, &mut buffer).unwrap(), 5);
        // From here on it is known to be dead: nothing is sent.
        let error = child.getpid().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent);
        drop(child);
        assert!(is_gone(pid));
    });
}

#[test]
fn a_child_killed_while_idle_is_noticed_by_the_next_call() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        child.killer().kill().unwrap();
        until("dead", || is_dead(child.pid()));
        assert_eq!(child.getpid().unwrap_err().kind(), ErrorKind::NotSent);
        let error = child.spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent);
        assert_eq!(error.to_string(), "clone3: not sent: the task is dead");
    });
}

#[test]
fn a_task_killed_while_it_spawns_leaves_no_sibling() {
    deadline(|| {
        let here = Task::here();
        let before = numbers(me()).len();
        let mut hangups = 0;
        for round in 0..2000_u32 {
            let middle = here.spawn().unwrap();
            let killer = middle.killer();
            let spawned = thread::scope(|scope| {
                scope.spawn(move || {
                    for _ in 0..(round * 61) % 3000 {
                        std::hint::spin_loop();
                    }
                    killer.kill().unwrap();
                });
                middle.spawn()
            });
            match spawned {
                // Two processes on one page would both answer.
                Ok(sibling) => assert_eq!(sibling.getpid().unwrap(), sibling.pid()),
                Err(error) => {
                    hangups += u32::from(error.kind() == ErrorKind::Hangup);
                    let next = here.spawn().unwrap();
                    for _ in 0..3 {
                        assert_eq!(next.getpid().unwrap(), next.pid());
                    }
                }
            }
        }
        eprintln!("{hangups} were killed in the middle of it");
        let children = |pid: u32| {
            let path = format!("/proc/{pid}/task/{}/children", rustix::thread::gettid());
            fs::read_to_string(path).unwrap_or_default()
        };
        assert_eq!(children(me()), "");
        // The tests beside this one have a few open at any time.
        assert!(numbers(me()).len() < before + 200, "pidfds are left");
    });
}

#[test]
fn exit_ends_the_child_and_tells_its_status() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let pid = child.pid();
        let exit = child.exit(7).unwrap();
        assert_eq!(exit.code(), Some(7));
        assert!(is_gone(pid));
        let child = Task::here().spawn().unwrap();
        child.killer().kill().unwrap();
        until("dead", || is_dead(child.pid()));
        assert_eq!(child.exit(0).unwrap_err().kind(), ErrorKind::NotSent);
    });
}

#[test]
fn the_killer_never_hits_a_stranger() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let killer = child.killer();
        drop(child);
        // The pid may be another's by now: the pidfd is not.
        let error = killer.kill().unwrap_err();
        assert_eq!(error.errno(), Some(rustix::io::Errno::SRCH));
    });
}

#[test]
fn pidfds_are_close_on_exec_and_not_stdio() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let pidfds =
            fds(me()).into_iter().filter(|(_, target)| target.ends_with("anon_inode:[pidfd]"));
        for (number, _) in pidfds {
            assert!(number > 2);
            let info =
                fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:\t"));
            let Some(flags) = flags else { continue };
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            assert_ne!(flags & libc::O_CLOEXEC, 0);
        }
        drop(child);
    });
}

#[test]
fn waitid_waits_for_the_end_without_reaping() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pidfd = here.pidfd_open(child.pid()).unwrap();
        here.pidfd_send_signal(&pidfd, Signal::KILL).unwrap();
        let event = here.waitid(&pidfd, WaitIdOptions::EXITED).unwrap();
        assert_eq!(event, Some(nearfar::task::ChildEvent::Killed(9)));
        assert_eq!(state(child.pid()), Some('Z'));
        let not_ours = here.pidfd_open(here.getppid().unwrap().unwrap()).unwrap();
        let error = here.waitid(&not_ours, WaitIdOptions::EXITED).unwrap_err();
        assert_eq!(error.errno(), Some(rustix::io::Errno::CHILD));
    });
}

#[test]
fn in_a_cgroup_from_the_first_moment_on() {
    deadline(|| {
        let Some((cgroup, path)) = Cgroup::new("nearfar-tasks") else { return };
        let here = Task::here();
        let ours = Cgroup::of("self");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = here.openat(Cwd, cgroup.directory(), flags, Mode::empty()).unwrap();
        let child = here.spawn_in_cgroup(&directory).unwrap();
        assert_eq!(Cgroup::of(child.host_pid().as_raw()), path);
        assert_eq!(Cgroup::of(child.spawn().unwrap().host_pid().as_raw()), path);
        // By a number that means this directory in the other table alone.
        brand!(private_fds);
        let (other, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let its = other.openat(Cwd, cgroup.directory(), flags, Mode::empty()).unwrap();
        let sibling = other.spawn_in_cgroup(&its).unwrap();
        assert_eq!(Cgroup::of(sibling.host_pid().as_raw()), path);
        assert_eq!(Cgroup::of(other.host_pid().as_raw()), ours);
        assert_eq!(Cgroup::of("self"), ours);
        let root = here.openat(Cwd, "/", flags, Mode::empty()).unwrap();
        let error = here.spawn_in_cgroup(&root).unwrap_err();
        assert_eq!((error.call().name(), error.errno()), ("clone3", Some(Errno::BADF)));
        // Dynamic tasks look at it, too.
        let error = other.erase().spawn_in_cgroup(directory.erase()).unwrap_err();
        assert!(matches!(error.kind(), nearfar::ErrorKind::Mismatch(_)), "{error}");
    });
}
