//! Waiting for programs, and what becomes of those nobody waits for.

mod common;

use std::os::fd::{AsFd, AsRawFd};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{deadline, is_dead, is_gone, state, until};
use nearfar::prelude::*;
use nearfar::{ErrorKind, Outcome};

fn run(script: &str) -> ChildProcess {
    let shell = Program::new("sh").args(["-c", script]);
    Task::here().spawn().unwrap().program(&shell).exec().unwrap()
}

fn sleep() -> ChildProcess {
    Task::here().spawn().unwrap().program(&Program::new("sleep").arg("1000")).exec().unwrap()
}

#[test]
fn a_death_signal_of_its_own_is_not_due_while_this_program_lives() {
    deadline(|| {
        let here = Task::here();
        let other = here.spawn().unwrap();
        let child = other.spawn().unwrap();
        let (gate, hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let (ready, say) = here.pipe2(PipeFlags::empty()).unwrap();
        let script = "echo ready; read line; exit 7";
        let program = Program::new("setpriv").args(["--pdeathsig", "KILL", "sh", "-c", script]);
        let process = child.program(&program).fd(0, &gate).fd(1, &say).exec().unwrap();
        assert_eq!(here.read(&ready, &mut [0; 16]), Ok(6));
        // As which it was started, and beside whom.
        drop(other);
        drop(hold);
        assert_eq!(process.wait().unwrap().outcome(), Outcome::Exited(7));
    });
}

#[test]
fn every_end_is_told_and_converts_to_std() {
    deadline(|| {
        for (script, outcome, text) in [
            ("exit 0", Outcome::Exited(0), "exit status: 0"),
            ("exit 255", Outcome::Exited(255), "exit status: 255"),
            (
                "kill -TERM $$",
                Outcome::Killed { signal: 15, core_dumped: false },
                "signal: 15 (SIGTERM)",
            ),
        ] {
            let exit = run(script).wait().unwrap();
            assert_eq!((exit.outcome(), exit.to_string().as_str()), (outcome, text));
            let std = std::process::Command::new("sh").args(["-c", script]).status().unwrap();
            assert_eq!(ExitStatus::from(exit), std);
            assert!(!exit.core_dumped());
            assert_eq!((Outcome::from(std), std.to_string()), (outcome, outcome.to_string()));
        }
    });
}

#[test]
fn usage_is_of_the_program() {
    deadline(|| {
        let exit = run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done").wait().unwrap();
        let usage = exit.usage().unwrap();
        assert!(usage.user_time() + usage.system_time() > Duration::ZERO);
        assert!(usage.max_resident_kib() > 100);
        assert!(usage.minor_faults() > 0);
    });
}

#[test]
fn usage_says_what_the_kernel_counts() {
    deadline(|| {
        let exit = run("for i in 1 2 3; do sleep 0; done").wait().unwrap();
        let usage = exit.usage().unwrap();
        // It waits for each of its children.
        assert!(usage.voluntary_context_switches() >= 3);
        let raw = usage.as_raw();
        let ours = [
            usage.minor_faults(),
            usage.major_faults(),
            usage.blocks_read(),
            usage.blocks_written(),
            usage.voluntary_context_switches(),
            usage.involuntary_context_switches(),
        ];
        let kernels = [
            raw.ru_minflt,
            raw.ru_majflt,
            raw.ru_inblock,
            raw.ru_oublock,
            raw.ru_nvcsw,
            raw.ru_nivcsw,
        ];
        assert_eq!(ours.map(|count| count as i64), kernels);
    });
}

#[test]
fn waits_that_end_early_give_the_handle_back() {
    deadline(|| {
        let process = sleep();
        let Waited::Running(process) = process.try_wait().unwrap() else { panic!("it sleeps") };
        let Waited::Running(process) = process.wait_timeout(Duration::from_millis(5)).unwrap()
        else {
            panic!("it sleeps")
        };
        process.send_signal(Signal::TERM).unwrap();
        let Waited::Exited(exit) = process.wait_timeout(Duration::MAX).unwrap() else {
            panic!("it has ended")
        };
        assert_eq!(exit.signal(), Some(libc::SIGTERM));
    });
}

#[test]
fn the_pidfd_is_readable_at_the_end_and_does_not_reap() {
    deadline(|| {
        use rustix::event::{PollFd, PollFlags, poll};
        let process = run("exit 3");
        let mut polled = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
        poll(&mut polled, None).unwrap();
        assert_eq!(state(process.id()), Some('Z'));
        assert!(process.as_raw_fd() > 2);
        assert_eq!(process.wait().unwrap().code(), Some(3));
    });
}

/// An executor may have made it so.
#[test]
fn a_wait_lasts_until_the_end_although_the_pidfd_does_not_block() {
    deadline(|| {
        let process = sleep();
        Task::here().fcntl_setfl(&process, OFlags::NONBLOCK).unwrap();
        let (killer, pid) = (process.killer(), process.pid());
        let Waited::Running(process) = process.try_wait().unwrap() else { panic!("it sleeps") };
        let me = Task::here().gettid().unwrap().as_raw();
        let waiting = AtomicBool::new(true);
        let waited = std::thread::scope(|scope| {
            let waiting = &waiting;
            scope.spawn(move || {
                until("asleep in the wait, or back from it", || {
                    state(me) == Some('S') || !waiting.load(Ordering::Relaxed)
                });
                killer.kill().unwrap();
            });
            let waited = process.wait();
            waiting.store(false, Ordering::Relaxed);
            waited
        });
        assert_eq!(waited.unwrap().signal(), Some(9));
        assert!(is_gone(pid));
    });
}

#[test]
fn dropping_lets_it_run_and_a_later_call_reaps_it() {
    deadline(|| {
        let process = sleep();
        let (pid, killer) = (process.id(), process.killer());
        drop(process);
        assert_eq!(state(pid).map(|state| "ZX".contains(state)), Some(false));
        killer.kill().unwrap();
        until("dead", || is_dead(pid));
        until("reaped by later calls", || {
            drop(Task::here().spawn().unwrap());
            is_gone(pid)
        });
        let process = sleep();
        let (pid, killer) = (process.id(), process.killer());
        process.kill_on_drop(true).detach();
        assert!(!is_dead(pid));
        killer.kill().unwrap();
    });
}

#[test]
fn kill_on_drop_kills_and_reaps() {
    deadline(|| {
        let process = sleep().kill_on_drop(true);
        let pid = process.id();
        drop(process);
        assert!(is_gone(pid));
    });
}

#[test]
fn errors_convert_and_keep_what_they_know() {
    deadline(|| {
        let error = Task::here().spawn().unwrap().program(&Program::new("/nowhere")).exec();
        let error = std::io::Error::from(error.unwrap_err());
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        let source = error.get_ref().unwrap().downcast_ref::<nearfar::Error>().unwrap();
        assert_eq!(source.call().name(), "execve");

        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let undone = child.program(&Program::new("/nowhere")).try_exec().unwrap_err();
        assert_eq!(undone.to_string(), undone.error.to_string());
        assert!(matches!(undone.error.kind(), ErrorKind::Os(_)));
        assert_eq!(std::io::Error::from(undone).kind(), std::io::ErrorKind::NotFound);

        fn travels<T: Send + Sync + 'static>() {}
        travels::<nearfar::Error>();
    });
}

#[test]
fn a_signal_for_the_group_is_also_for_those_whom_the_leader_has_left() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let shell = Program::new("sh").args(["-c", "sleep 1000 & echo $!; exit 3"]);
        let task = here.spawn().unwrap();
        task.setpgrp().unwrap();
        let leader = task.program(&shell).fd(1, &writer).exec().unwrap();
        until("it has ended", || state(leader.id()) == Some('Z'));
        let mut buffer = [0; 16];
        let length = here.read(&reader, &mut buffer).unwrap();
        let left = std::str::from_utf8(&buffer[..length]).unwrap();
        let left: i32 = left.trim_end().parse().unwrap();
        assert!(!is_dead(left));
        leader.send_signal_to_group(Signal::KILL).unwrap();
        until("it is dead", || is_dead(left));
        assert_eq!(leader.wait().unwrap().code(), Some(3));

        let follower = sleep();
        let error = follower.send_signal_to_group(Signal::KILL).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SRCH));
        follower.kill().unwrap();
        follower.wait().unwrap();
    });
}
