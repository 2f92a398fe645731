//! Pid namespaces: who is called what, who may live beside whom, and what remains of them.

mod common;

use std::fs;
use std::thread;
use std::time::Duration;

use common::{deadline, fds, is_dead, is_gone, namespace, status, until};
use nearfar::prelude::*;
use nearfar::rustix::process::DumpableBehavior;
use nearfar::{ChildProcess, Error, ErrorKind, IdMap, SeccompFilter, Waited, far, near};

/// The pids that the kernel knows a task by, from the outermost namespace to its own.
fn pids(host_pid: near::Pid<HostPids>) -> Vec<i32> {
    status(host_pid.as_raw(), "NSpid").split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[track_caller]
fn is_refused<T>(result: Result<T, impl Into<Error>>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => assert_eq!(error.into().kind(), kind),
    }
}

/// Before 6.15, Linux does not tell how a process ended that others have reaped.
fn is_lost<T>(result: &Result<T, Error>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::StatusLost)
}

#[test]
fn an_init_is_1_there_and_something_else_here() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        assert_eq!(far::Task::pid(&init).as_raw(), 1);
        assert_eq!(init.getpid().unwrap().as_raw(), 1);
        assert_eq!(init.getppid().unwrap(), None);
        assert_eq!(pids(init.host_pid()), [init.host_pid().as_raw(), 1]);
        assert_ne!(init.pid_namespace(), here.pid_namespace());
        assert_ne!(namespace(init.host_pid(), "pid"), namespace(std::process::id(), "pid"));
    });
}

#[test]
fn pids_across_nested_namespaces_are_what_the_kernel_says() {
    deadline(|| {
        let here = Task::here();
        brand!(outer_pids, inner_pids);
        let task = here.spawn().unwrap().unshare_pid(outer_pids).unwrap();
        assert_eq!(task.getpid().unwrap(), task.pid());
        assert_eq!(pids(task.host_pid()), [task.host_pid().as_raw()]);

        let init = task.spawn().unwrap();
        let second = task.spawn().unwrap();
        // Of an init, and of one that is not.
        let third = init.spawn().unwrap();
        let fourth = second.spawn().unwrap();
        let expected = [(&init, 1), (&second, 2), (&third, 3), (&fourth, 4)];
        for (task, pid) in expected {
            assert_eq!(far::Task::pid(task).as_raw(), pid);
            assert_eq!(pids(task.host_pid()), [task.host_pid().as_raw(), pid]);
            assert_eq!(init.pidfd_open(task.pid()).map(drop), Ok(()));
        }
        // One level further, out of the second.
        let second = second.unshare_pid(inner_pids).unwrap();
        let deep = second.spawn().unwrap();
        let deeper = deep.spawn().unwrap();
        assert_eq!(pids(deep.host_pid()), [deep.host_pid().as_raw(), 5, 1]);
        assert_eq!(pids(deeper.host_pid()), [deeper.host_pid().as_raw(), 6, 2]);
        assert_eq!(far::Task::pid(&deeper).as_raw(), 2);
    });
}

#[test]
fn the_children_of_an_init_leave_no_zombie() {
    deadline(|| {
        brand!(inner_pids);
        let init = Task::here().spawn_with_pids(inner_pids).unwrap();
        for _ in 0..20 {
            let child = init.spawn().unwrap();
            let pid = child.host_pid();
            assert_eq!(child.getppid().unwrap(), Some(init.pid()));
            drop(child);
            // The kernel tells of an end some moments before it reaps.
            until("reaped", || is_gone(pid));
        }
        let exit = init.spawn().unwrap().exit(7);
        // Linux tells since 6.15.
        assert!(matches!(exit, Ok(exit) if exit.code() == Some(7)) || is_lost(&exit));
    });
}

/// What does nothing until it is killed.
fn sleep() -> Program {
    Program::new("sleep").arg("1000")
}

/// The init of a pid namespace of its own, which does nothing.
fn container() -> ChildProcess {
    let mut command = nearfar::Command::from(sleep());
    command.unshare_pid().spawn().unwrap().into_process().kill_on_drop(true)
}

/// Kills who calls `execve`.
fn deadly_exec() -> SeccompFilter {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    SeccompFilter::new([
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ, 0, 1, libc::SYS_execve as u32),
        step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        step(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
    .unwrap()
}

#[test]
fn an_exec_in_which_a_child_of_an_init_is_killed_is_told_from_success() {
    deadline(|| {
        // Whether it is killed, and whether a child of the init has made it, which is the init's all the same.
        for (is_killed, is_siblings) in [(true, false), (false, false), (true, true), (false, true)]
        {
            brand!(outer_pids, inner_pids);
            let init = Task::here().spawn_with_pids(outer_pids).unwrap();
            let sibling = init.spawn().unwrap();
            let (_other, maker) = match is_siblings {
                true => (init, sibling),
                false => (sibling, init),
            };
            let maker = maker.unshare_pid(inner_pids).unwrap();
            let child = maker.spawn().unwrap();
            if is_killed {
                child.prctl_set_no_new_privs().unwrap();
                child.seccomp_on_exec(&deadly_exec()).unwrap();
            }
            let outcome = child.program(&Program::new("sh").args(["-c", "exit 7"])).exec();
            match is_killed {
                true => is_refused(outcome, ErrorKind::Hangup),
                false => {
                    let exit = outcome.unwrap().wait();
                    assert!(matches!(exit, Ok(exit) if exit.code() == Some(7)) || is_lost(&exit));
                }
            }
        }
    });
}

#[test]
fn an_init_becomes_the_program_and_it_is_1() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        // What it does for the children it had is undone.
        drop(init.spawn().unwrap());
        let shell = Program::new("sh").args(["-c", "echo $$; grep SigIgn /proc/self/status"]);
        let process = init.program(&shell).fd(1, &writer).exec().unwrap();
        drop(writer);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut fs::File::from(reader), &mut text).unwrap();
        assert!(text.starts_with("1\n"), "{text}");
        let ignored = u64::from_str_radix(text.split_whitespace().last().unwrap(), 16).unwrap();
        assert_eq!(ignored & (1 << (libc::SIGCHLD - 1)), 0);
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn a_program_and_a_driven_task_never_share_a_namespace() {
    deadline(|| {
        brand!(inner_pids, innermost_pids);
        let task = Task::here().spawn().unwrap().unshare_pid(inner_pids).unwrap();
        let init = task.spawn().unwrap();
        let other = task.spawn().unwrap();
        let sleep = sleep();
        brand!(init_fds);
        let (init, ()) = init.unshare_files(init_fds, ()).unwrap();
        let undone = init.program(&sleep).try_exec().unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::MemoryExposed);
        // Nor one that the program would see in a namespace inside.
        let other = other.unshare_pid(innermost_pids).unwrap();
        let inside = other.spawn().unwrap();
        drop(other);
        let undone = undone.task.program(&sleep).try_exec().unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::MemoryExposed);
        drop(inside);

        // A failed exec is no program.
        let undone = undone.task.program(&Program::new("/no/such/program")).try_exec().unwrap_err();
        assert_eq!(undone.error.errno(), Some(Errno::NOENT));
        drop(task.spawn().unwrap());

        let process = undone.task.program(&sleep).exec().unwrap().kill_on_drop(true);
        is_refused(task.spawn(), ErrorKind::MemoryExposed);
        drop(process);
    });
}

#[test]
fn a_program_outside_is_not_seen_and_may_run() {
    deadline(|| {
        brand!(inner_pids, outer_fds);
        let task = Task::here().spawn().unwrap().unshare_pid(inner_pids).unwrap();
        let _init = task.spawn().unwrap();
        let (task, ()) = task.unshare_files(outer_fds, ()).unwrap();
        assert!(task.program(&Program::new("true")).exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn without_its_init_a_namespace_is_over() {
    deadline(|| {
        brand!(inner_pids);
        let task = Task::here().spawn().unwrap().unshare_pid(inner_pids).unwrap();
        let init = task.spawn().unwrap();
        let second = task.spawn().unwrap();
        drop(init);
        until("the namespace is gone", || is_dead(second.host_pid()));
        is_refused(second.getpid(), ErrorKind::NotSent);
        is_refused(task.spawn(), ErrorKind::InitEnded);
        // The task itself is not in it.
        task.getpid().unwrap();
    });
}

#[test]
fn the_end_of_an_init_does_not_wait_for_what_else_this_program_does() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids, joined_pids);
        let task = here.spawn().unwrap().unshare_pid(inner_pids).unwrap();
        let init = task.spawn().unwrap();
        let second = task.spawn().unwrap();
        assert_eq!(init.exit(3).unwrap().code(), Some(3));
        assert!(is_dead(second.host_pid()));
        is_refused(second.getpid(), ErrorKind::NotSent);

        let (sleep, container) = (sleep(), container());
        let task = here.spawn().unwrap().setns_pid(joined_pids, &container).unwrap();
        let inside = task.spawn().unwrap().program(&sleep).exec().unwrap();
        task.spawn().unwrap().program(&sleep).exec().unwrap().detach();
        // Somewhere else, one has ended as well.
        brand!(elsewhere_pids);
        let succeeds = Program::new("true");
        let beside = here.spawn().unwrap().unshare_pid(elsewhere_pids).unwrap();
        let beside = beside.spawn().unwrap().program(&succeeds).exec().unwrap();
        until("it has ended", || is_dead(beside.pid()));
        container.kill().unwrap();
        assert_eq!(container.wait().unwrap().signal(), Some(libc::SIGKILL));
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        assert!(here.waitid(&beside, look).unwrap().is_some(), "it was in another namespace");
        // It has been reaped, and how it ended is known all the same.
        let exit = inside.wait().unwrap();
        assert_eq!(exit.signal(), Some(libc::SIGKILL));
        assert!(exit.usage().is_some());
    });
}

#[test]
fn looking_at_an_init_again_and_again_is_enough() {
    deadline(|| {
        let here = Task::here();
        for looks in [ChildProcess::try_wait, |process: ChildProcess| {
            process.wait_timeout(Duration::from_millis(1))
        }] {
            brand!(joined_pids);
            let container = container();
            let task = here.spawn().unwrap().setns_pid(joined_pids, &container).unwrap();
            task.spawn().unwrap().program(&sleep()).exec().unwrap().detach();
            container.kill().unwrap();
            let mut waited = looks(container);
            let exit = loop {
                match waited.unwrap() {
                    Waited::Exited(exit) => break exit,
                    Waited::Running(process) => {
                        thread::yield_now();
                        waited = looks(process);
                    }
                }
            };
            assert_eq!(exit.signal(), Some(libc::SIGKILL));
        }
    });
}

#[test]
fn a_failed_unshare_gives_back_the_task_and_the_guard() {
    deadline(|| {
        brand!(inner_pids, others_pids);
        let task = Task::here().spawn().unwrap().unshare_pid(inner_pids).unwrap();
        let before = namespace(task.host_pid(), "pid");
        let undone = task.try_unshare_pid(others_pids).unwrap_err();
        assert_eq!(undone.error.errno(), Some(Errno::INVAL));
        let init = undone.task.spawn().unwrap();
        assert_eq!(init.getpid().unwrap().as_raw(), 1);
        assert_eq!(namespace(undone.task.host_pid(), "pid"), before);
        drop(Task::here().spawn().unwrap().unshare_pid(undone.guard).unwrap());
    });
}

#[test]
fn a_namespace_that_is_there_is_joined_by_the_children() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids, joined_pids, own_pids, not_a_namespace);
        let container = here.spawn_with_pids(inner_pids).unwrap();
        let path = format!("/proc/{}/ns/pid", container.host_pid().as_raw());
        let file = here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
        let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();

        let task = here.spawn().unwrap();
        let own = namespace(task.host_pid(), "pid");
        let undone = task.try_setns_pid(not_a_namespace, &null).unwrap_err();
        assert_eq!(undone.error.errno(), Some(Errno::INVAL));
        let task = undone.task.setns_pid(joined_pids, &file).unwrap();
        assert_eq!(namespace(task.host_pid(), "pid"), own);
        let child = task.spawn().unwrap();
        assert_eq!(namespace(child.host_pid(), "pid"), namespace(container.host_pid(), "pid"));
        assert_eq!(pids(child.host_pid()), [child.host_pid().as_raw(), 2]);
        assert_eq!(far::Task::pid(&child).as_raw(), 2);

        // A program there could look into the one that was there before.
        let succeeds = Program::new("true");
        is_refused(child.program(&succeeds).exec(), ErrorKind::MemoryExposed);
        let container = container.program(&sleep()).exec().unwrap();
        let container = container.kill_on_drop(true);
        let child = task.spawn().unwrap();
        assert_eq!(child.prctl_get_dumpable(), Ok(DumpableBehavior::NotDumpable));
        let beside = task.spawn().unwrap();
        assert!(child.program(&succeeds).exec().unwrap().wait().unwrap().success());
        assert_eq!(beside.prctl_get_dumpable(), Ok(DumpableBehavior::NotDumpable));
        drop(beside);
        container.kill().unwrap();
        container.wait().unwrap();

        // And back to its own, by a pidfd.
        let pidfd = here.pidfd_open(here.getpid().unwrap()).unwrap();
        let task = task.setns_pid(own_pids, &pidfd).unwrap();
        let child = task.spawn().unwrap();
        assert_eq!(child.getpid().unwrap().as_raw(), child.host_pid().as_raw());
    });
}

#[test]
#[allow(unsafe_code, reason = "a request that has no safe call")]
fn one_that_is_joined_before_anybody_lives_there_may_be_any() {
    const PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE: u32 = 0xFF06;
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids, joined_pids);
        let maker = here.spawn().unwrap().unshare_pid(inner_pids).unwrap();
        let pidfd = here.pidfd_open(maker.host_pid()).unwrap();
        // SAFETY: the file is a pidfd, which opens a namespace by this.
        let file = unsafe { here.ioctl_fd(&pidfd, PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE, 0) };
        let Ok(file) = file else {
            eprintln!("skipped: needs Linux 6.11");
            return;
        };
        let task = here.spawn().unwrap().setns_pid(joined_pids, &file).unwrap();
        let init = maker.spawn().unwrap();
        let beside = task.spawn().unwrap();
        assert_eq!(namespace(beside.host_pid(), "pid"), namespace(init.host_pid(), "pid"));
        // A program there could look into the other one.
        is_refused(beside.program(&Program::new("true")).exec(), ErrorKind::MemoryExposed);
    });
}

#[test]
fn what_is_forked_is_hidden_where_others_are() {
    deadline(|| {
        let here = Task::here();
        let place = here.spawn().unwrap();
        place.unshare(Namespaces::USER).unwrap();
        here.write_uid_map(&place, &[IdMap::own_uid_as(0)]).unwrap();
        let path = format!("/proc/{}/ns/user", place.host_pid().as_raw());
        let user_namespace = here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
        // As long as it is there, this memory is hidden.
        drop(place);
        let container = container();

        brand!(child_memory, joined_pids, other_memory, grandchild_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        assert_eq!(child.prctl_get_dumpable(), Ok(DumpableBehavior::Dumpable));
        child.setns_user(&user_namespace).unwrap();
        assert_eq!(child.prctl_get_dumpable(), Ok(DumpableBehavior::NotDumpable));

        let child = here.spawn_with_memory(other_memory).unwrap();
        let child = child.setns_pid(joined_pids, &container).unwrap();
        assert_eq!(child.prctl_get_dumpable(), Ok(DumpableBehavior::Dumpable));
        let inside = child.spawn().unwrap();
        assert_eq!(inside.prctl_get_dumpable(), Ok(DumpableBehavior::NotDumpable));
        let copy = child.spawn_with_memory(grandchild_memory).unwrap();
        assert_eq!(copy.prctl_get_dumpable(), Ok(DumpableBehavior::NotDumpable));
        drop((inside, copy));
        container.kill().unwrap();
        container.wait().unwrap();
    });
}

#[test]
fn nothing_is_left_of_a_thousand_of_them() {
    deadline(|| {
        let here = Task::here();
        let one = || {
            brand!(inner_pids);
            let init = here.spawn_with_pids(inner_pids).unwrap();
            let second = init.spawn().unwrap();
            drop(init);
            drop(second);
        };
        one();
        let before = fds(std::process::id()).len();
        for _ in 0..1000 {
            one();
        }
        assert!(fds(std::process::id()).len() <= before + 3);
    });
}
