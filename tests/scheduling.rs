//! Processors and policies: a child's own, the calling thread's.

mod common;

use std::thread;
use std::time::Duration;

use common::{deadline, passes, sleeping, stat, status};
use nearfar::far;
use nearfar::prelude::*;
use nearfar::task::{CpuSet, Policy, SchedAttr};

/// The processors that `/proc` tells, as in `0-3,8`.
fn allowed(process: impl std::fmt::Display) -> CpuSet {
    let list = status(process, "Cpus_allowed_list");
    let ranges =
        list.trim().split(',').map(|range| range.split_once('-').unwrap_or((range, range)));
    let ranges = ranges.map(|(first, last)| first.parse().unwrap()..=last.parse().unwrap());
    ranges.flatten().collect()
}

/// The policy that `/proc` tells.
fn policy(process: impl std::fmt::Display) -> i32 {
    stat(process, 41) as i32
}

fn nice(process: impl std::fmt::Display) -> i64 {
    stat(process, 19)
}

#[test]
fn a_child_stays_on_its_own_processors() {
    deadline(|| {
        let here = Task::here();
        let before = allowed("thread-self");
        assert_eq!(here.sched_getaffinity().unwrap(), before);
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        for cpu in before.iter() {
            // What there is not does not count.
            let one = CpuSet::from_iter([cpu, 5000]);
            child.sched_setaffinity(&one).unwrap();
            let one = CpuSet::from_iter([cpu]);
            assert_eq!(allowed(pid), one);
            assert_eq!(child.sched_getaffinity().unwrap(), one);
            assert_eq!(child.spawn().unwrap().sched_getaffinity().unwrap(), one);
        }
        for none in [CpuSet::empty(), CpuSet::from_iter([100_000])] {
            let error = child.sched_setaffinity(&none).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
        child.sched_setaffinity(&before).unwrap();
        assert_eq!(allowed(pid), before);
        assert_eq!(allowed("thread-self"), before);
    });
}

#[test]
fn a_thread_stays_on_its_own_processors() {
    deadline(|| {
        let before = allowed("thread-self");
        let first = CpuSet::from_iter(before.iter().next());
        let other = thread::spawn(move || {
            let here = Task::here();
            here.sched_setaffinity(&first).unwrap();
            assert_eq!(allowed("thread-self"), first);
            assert_eq!(here.spawn().unwrap().sched_getaffinity().unwrap(), first);
        });
        other.join().unwrap();
        assert_eq!(allowed("thread-self"), before);
    });
}

#[test]
fn a_set_of_processors_has_any_size() {
    let mut cpus = CpuSet::from_iter([0, 63, 64, 1_000_000]);
    assert_eq!(format!("{cpus:?}"), "CpuSet {0, 63, 64, 1000000}");
    cpus.remove(1_000_000);
    cpus.remove(2_000_000);
    assert_eq!(cpus, CpuSet::from_iter([64, 0, 63]), "whatever room they take");
    assert!(cpus.contains(64) && !cpus.contains(65) && !cpus.contains(usize::MAX));
    assert_eq!(CpuSet::empty().iter().next(), None);
}

fn has_each_policy(task: &impl far::Task, process: impl std::fmt::Display + Copy) {
    const DEADLINE: i32 = 6;
    let ms = Duration::from_millis;
    let deadline = Policy::Deadline { runtime: ms(1), deadline: ms(100), period: ms(200) };
    for (set, number) in [
        (Policy::Batch { nice: 3 }, libc::SCHED_BATCH),
        (Policy::Idle, libc::SCHED_IDLE),
        (Policy::Other { nice: 7 }, libc::SCHED_OTHER),
        (Policy::Fifo { priority: 1 }, libc::SCHED_FIFO),
        (Policy::RoundRobin { priority: 99 }, libc::SCHED_RR),
        (deadline, DEADLINE),
        (Policy::Other { nice: -1 }, libc::SCHED_OTHER),
    ] {
        match task.sched_setattr(set) {
            Ok(()) => {}
            // Without privileges, or in a cgroup that has no time for it.
            Err(error) if error.errno() == Some(Errno::PERM) => {
                crate::common::skip(&format!("{set:?} is not allowed here"));
                continue;
            }
            Err(error) => panic!("{set:?}: {error}"),
        }
        assert_eq!(policy(process), number, "{set:?}");
        let got = task.sched_getattr().unwrap();
        assert!(!got.reset_on_fork);
        match (got.policy, set) {
            // The kernel remembers a nice value that does not count meanwhile.
            (Policy::Idle, Policy::Idle) => {}
            (got, set) => assert_eq!(got, set),
        }
        match set {
            Policy::Other { nice: set } | Policy::Batch { nice: set } => {
                assert_eq!(nice(process), i64::from(set));
            }
            Policy::Fifo { priority } | Policy::RoundRobin { priority } => {
                assert_eq!(stat(process, 40), i64::from(priority));
            }
            _ => {}
        }
    }
    let error = task.sched_setattr(Policy::Fifo { priority: 100 }).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
}

#[test]
fn every_policy_is_what_proc_says() {
    deadline(|| {
        let before = policy("thread-self");
        let child = Task::here().spawn().unwrap();
        has_each_policy(&child, child.pid().as_raw());
        let other = thread::spawn(|| {
            let here = Task::here();
            let me = here.gettid().unwrap().as_raw();
            has_each_policy(&here, me);
        });
        other.join().unwrap();
        assert_eq!(policy("thread-self"), before, "of one thread");
    });
}

#[test]
fn children_have_a_policy_or_not() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.sched_setattr(Policy::Batch { nice: 5 }).unwrap();
        let batch = child.sched_getattr().unwrap();
        assert_eq!(batch, Policy::Batch { nice: 5 }.into());
        assert_eq!(child.spawn().unwrap().sched_getattr().unwrap(), batch);
        let fifo = SchedAttr { policy: Policy::Fifo { priority: 5 }, reset_on_fork: true };
        match child.sched_setattr(fifo) {
            Err(error) if error.errno() == Some(Errno::PERM) => {
                crate::common::skip(&format!("{fifo:?} is not allowed here"));
            }
            set => {
                set.unwrap();
                assert_eq!(child.sched_getattr().unwrap(), fifo);
                let grandchild = child.spawn().unwrap();
                assert_eq!(policy(grandchild.pid().as_raw()), libc::SCHED_OTHER);
            }
        }
    });
}

#[test]
fn a_program_keeps_processors_and_policy() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let last = CpuSet::from_iter(here.sched_getaffinity().unwrap().iter().last());
        child.sched_setaffinity(&last).unwrap();
        child.sched_setattr(Policy::Batch { nice: 2 }).unwrap();
        let sleep = Program::new("sleep").arg("1000");
        let process = child.program(&sleep).exec().unwrap().kill_on_drop(true);
        assert_eq!(allowed(process.id()), last);
        assert_eq!((policy(process.id()), nice(process.id())), (libc::SCHED_BATCH, 2));
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_on_one_processor() {
    let here = Task::here();
    let first = CpuSet::from_iter(here.sched_getaffinity().unwrap().iter().next());
    here.sched_setaffinity(&first).unwrap();
    // Driver and server take turns on it.
    let child = here.spawn().unwrap();
    for _ in 0..100 {
        child.getpid().unwrap();
    }
    child.sched_setattr(Policy::Idle).unwrap();
    for _ in 0..100 {
        child.getpid().unwrap();
    }
}

#[test]
fn a_task_is_driven_on_one_processor() {
    passes("host_on_one_processor");
}

#[test]
fn a_running_program_is_moved_and_put_off() {
    deadline(|| {
        let here = Task::here();
        let (ours, before) = (policy("thread-self"), allowed("thread-self"));
        let child = here.spawn().unwrap();
        let process = sleeping(here.spawn().unwrap());
        let pid = process.id();
        for cpu in before.iter() {
            let one = CpuSet::from_iter([cpu]);
            child.sched_setaffinity_of(&process, &one).unwrap();
            assert_eq!(allowed(pid), one);
            assert_eq!(here.sched_getaffinity_of(&process).unwrap(), one);
        }
        here.sched_setattr_of(&process, Policy::Batch { nice: 7 }).unwrap();
        assert_eq!((policy(pid), nice(pid)), (libc::SCHED_BATCH, 7));
        let batch = SchedAttr::from(Policy::Batch { nice: 7 });
        assert_eq!(child.sched_getattr_of(&process).unwrap(), batch);

        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let other = init.spawn().unwrap();
        other.sched_setattr_of(&init, Policy::Idle).unwrap();
        assert_eq!(policy(init.host_pid().as_raw()), libc::SCHED_IDLE);
        assert_eq!(here.sched_getattr_of(&init).unwrap().policy, Policy::Idle);
        assert_eq!((policy("thread-self"), allowed("thread-self")), (ours, before.clone()));

        process.kill().unwrap();
        here.waitid(&process, WaitIdOptions::EXITED).unwrap();
        for error in [
            here.sched_setaffinity_of(&process, &before).unwrap_err(),
            here.sched_getaffinity_of(&process).unwrap_err(),
            here.sched_setattr_of(&process, Policy::Idle).unwrap_err(),
            here.sched_getattr_of(&process).unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::SRCH), "{error}");
        }
    });
}
