//! Limits and nice values: a child's own, this process's, and the calling thread's.

mod common;

use std::fs;
use std::thread;

use common::{deadline, is_dead, passes, sleeping, stat, until};
use nearfar::ErrorKind;
use nearfar::handle::AsProcess;
use nearfar::interface::Call;
use nearfar::prelude::*;

/// Every limit, with what `/proc/PID/limits` calls it.
const LIMITS: [(Resource, &str); 16] = [
    (Resource::Cpu, "Max cpu time"),
    (Resource::Fsize, "Max file size"),
    (Resource::Data, "Max data size"),
    (Resource::Stack, "Max stack size"),
    (Resource::Core, "Max core file size"),
    (Resource::Rss, "Max resident set"),
    (Resource::Nproc, "Max processes"),
    (Resource::Nofile, "Max open files"),
    (Resource::Memlock, "Max locked memory"),
    (Resource::As, "Max address space"),
    (Resource::Locks, "Max file locks"),
    (Resource::Sigpending, "Max pending signals"),
    (Resource::Msgqueue, "Max msgqueue size"),
    (Resource::Nice, "Max nice priority"),
    (Resource::Rtprio, "Max realtime priority"),
    (Resource::Rttime, "Max realtime timeout"),
];

/// What `/proc/PID/limits` says.
fn limit(process: impl std::fmt::Display, resource: Resource) -> Rlimit {
    let (_, name) = LIMITS.into_iter().find(|(found, _)| *found == resource).unwrap();
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut values = line.split_whitespace().map(|value| match value {
        "unlimited" => None,
        number => Some(number.parse().unwrap()),
    });
    Rlimit { current: values.next().unwrap(), maximum: values.next().unwrap() }
}

/// The nice value that `/proc` tells.
fn nice(process: impl std::fmt::Display) -> i64 {
    stat(process, 19)
}

#[test]
fn limits_are_what_the_kernel_says() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        for (resource, name) in LIMITS {
            assert_eq!(here.getrlimit(resource).unwrap(), limit("self", resource), "{name}");
            let pid = child.pid().as_raw();
            assert_eq!(child.getrlimit(resource).unwrap(), limit(pid, resource), "{name}");
        }
    });
}

#[test]
fn a_childs_limits_are_its_own() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        let before = limit("self", Resource::Nofile);
        let few = Rlimit { current: Some(30), maximum: Some(40) };
        child.setrlimit(Resource::Nofile, few).unwrap();
        assert_eq!(limit(pid, Resource::Nofile), few);
        let fewer = Rlimit { current: Some(20), maximum: Some(40) };
        assert_eq!(child.prlimit(Resource::Nofile, fewer).unwrap(), few);
        assert_eq!(limit(pid, Resource::Nofile), fewer);
        assert_eq!(child.getrlimit(Resource::Nofile).unwrap(), fewer);
        assert_eq!(limit("self", Resource::Nofile), before);

        // In the same table, it is the child that cannot go on.
        let file = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let copy = here.fcntl_dupfd_cloexec(&file, 50).unwrap();
        assert!(copy.near().as_raw() >= 50);
        let error = child.fcntl_dupfd_cloexec(&file, 50).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));

        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let parent = here.spawn().unwrap();
        parent.setrlimit(Resource::Core, none).unwrap();
        assert_eq!(parent.spawn().unwrap().getrlimit(Resource::Core).unwrap(), none);
    });
}

#[test]
fn none_is_no_limit() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let pid = child.pid().as_raw();
        for limit_of in [
            Rlimit { current: None, maximum: None },
            Rlimit { current: Some(0), maximum: None },
            Rlimit { current: Some(0), maximum: Some(0) },
        ] {
            child.setrlimit(Resource::Core, limit_of).unwrap();
            assert_eq!(limit(pid, Resource::Core), limit_of);
            assert_eq!(child.getrlimit(Resource::Core).unwrap(), limit_of);
        }
    });
}

#[test]
fn more_than_the_maximum_is_refused() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let before = child.getrlimit(Resource::Core).unwrap();
        let wrong = Rlimit { current: Some(2), maximum: Some(1) };
        let error = child.setrlimit(Resource::Core, wrong).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        assert_eq!(child.prlimit(Resource::Core, wrong).unwrap_err(), error);
        assert_eq!(error.to_string(), "prlimit: Invalid argument (os error 22)");
        assert_eq!(limit(child.pid().as_raw(), Resource::Core), before);
    });
}

#[test]
fn a_program_has_its_tasks_limits_and_nice_value() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let child = here.spawn().unwrap();
        let few = Rlimit { current: Some(77), maximum: Some(88) };
        child.setrlimit(Resource::Nofile, few).unwrap();
        child.setpriority(7).unwrap();
        let shell = Program::new("sh").args(["-c", "ulimit -n; ulimit -Hn; nice"]);
        let process = child.program(&shell).fd(1, &writer).exec().unwrap();
        assert!(process.wait().unwrap().success());
        let mut buffer = [0; 64];
        let length = here.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"77\n88\n7\n");
    });
}

#[test]
fn the_signal_of_a_limit_waits_for_the_program() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let file = rustix::fs::memfd_create("file", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let nothing = Rlimit { current: Some(0), maximum: None };
        child.setrlimit(Resource::Fsize, nothing).unwrap();
        child.setrlimit(Resource::Core, nothing).unwrap();
        let error = child.write(&file, b"x").unwrap_err();
        assert_eq!(error.errno(), Some(Errno::FBIG));
        assert_eq!(child.getpid().unwrap(), child.pid());
        let error = child.program(&Program::new("true")).exec().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Hangup);
        assert_eq!(here.write(&file, b"x"), Ok(1));
    });
}

#[test]
fn a_childs_nice_value_is_its_own() {
    deadline(|| {
        let here = Task::here();
        let before = here.getpriority().unwrap();
        assert_eq!(i64::from(before), nice("thread-self"));
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        for (asked, got) in [(5, 5), (19, 19), (1000, 19), (0, 0), (-3, -3), (-20, -20), (-99, -20)]
        {
            child.setpriority(asked).unwrap();
            assert_eq!(child.getpriority().unwrap(), got);
            assert_eq!(nice(pid), i64::from(got));
        }
        assert_eq!(child.spawn().unwrap().getpriority().unwrap(), -20);
        assert_eq!(nice("thread-self"), i64::from(before));
    });
}

#[test]
fn the_calling_threads_nice_value_is_not_the_other_threads() {
    deadline(|| {
        let before = nice("thread-self");
        let set = move || {
            let here = Task::here();
            here.setpriority(11).unwrap();
            assert_eq!(here.getpriority().unwrap(), 11);
            assert_eq!(nice("thread-self"), 11);
            assert_eq!(here.spawn().unwrap().getpriority().unwrap(), 11);
        };
        thread::spawn(set).join().unwrap();
        assert_eq!(nice("thread-self"), before);
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_that_limits_itself() {
    let here = Task::here();
    let earlier = here.spawn().unwrap();
    let before = here.getrlimit(Resource::Nofile).unwrap();
    let few = Rlimit { current: Some(100), maximum: before.maximum };
    assert_eq!(here.prlimit(Resource::Nofile, few).unwrap(), before);
    assert_eq!(limit("self", Resource::Nofile), few);
    let other = thread::spawn(|| Task::here().getrlimit(Resource::Nofile).unwrap());
    assert_eq!(other.join().unwrap(), few, "of every thread");
    assert_eq!(limit(earlier.pid().as_raw(), Resource::Nofile), before);
    assert_eq!(here.spawn().unwrap().getrlimit(Resource::Nofile).unwrap(), few);
    here.setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(limit("self", Resource::Nofile), before);
}

#[test]
fn the_calling_threads_limits_are_the_whole_processs() {
    passes("host_that_limits_itself");
}

const FEW: Rlimit = Rlimit { current: Some(70), maximum: Some(80) };

/// Has `task` limit `process`, which `/proc` has under `pid`.
#[track_caller]
fn limits<K: far::Task>(
    task: &K,
    process: &(impl AsProcess<K::PidNamespace> + ?Sized),
    pid: impl std::fmt::Display + Copy,
) {
    let before = limit(pid, Resource::Nofile);
    assert_eq!(task.prlimit_of(process, Resource::Nofile, None).unwrap(), before);
    assert_ne!(before, FEW);
    assert_eq!(task.prlimit_of(process, Resource::Nofile, Some(FEW)).unwrap(), before);
    assert_eq!(limit(pid, Resource::Nofile), FEW);
    assert_eq!(task.prlimit_of(process, Resource::Nofile, None).unwrap(), FEW);
    let wrong = Rlimit { current: Some(2), maximum: Some(1) };
    let error = task.prlimit_of(process, Resource::Nofile, Some(wrong)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
}

#[test]
fn others_are_limited_while_they_run() {
    deadline(|| {
        let here = Task::here();
        let before = limit("self", Resource::Nofile);
        let process = sleeping(here.spawn().unwrap());
        limits(&here, &process, process.id());
        // Of a driven task, by a driven task.
        let (child, other) = (here.spawn().unwrap(), here.spawn().unwrap());
        limits(&child, &other, other.pid().as_raw());
        let process = sleeping(here.spawn().unwrap());
        limits(&child, &process, process.id());
        // Of a command's child.
        let mut command = nearfar::Command::new("sleep");
        let program = command.arg("1000").kill_on_drop(true).spawn().unwrap();
        limits(&here, &program, program.id());
        assert_eq!(limit("self", Resource::Nofile), before);
        assert_eq!(child.prlimit_of(&here, Resource::Nofile, None).unwrap(), before);
    });
}

#[test]
fn the_number_is_the_one_that_the_caller_knows() {
    deadline(|| {
        let here = Task::here();
        let of_pid_1 = limit(1, Resource::Nofile);
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let (second, third) = (init.spawn().unwrap(), init.spawn().unwrap());
        // Of pid 1 there, and of pid 3 there.
        limits(&here, &init, init.host_pid().as_raw());
        limits(&second, &third, third.host_pid().as_raw());
        brand!(child_memory);
        let forked = here.spawn_with_memory(child_memory).unwrap();
        limits(&here, &forked, forked.pid().as_raw());
        assert_eq!(forked.prlimit_of(&init, Resource::Nofile, None).unwrap(), FEW);
        assert_eq!(second.prlimit_of(&init, Resource::Nofile, None).unwrap(), FEW);
        assert_eq!(limit(1, Resource::Nofile), of_pid_1);
        // Somebody sees every call: it is the same process.
        let pass = |_: Call, _: &[usize]| Ok(());
        let (seen, by) = (third.layer(&pass), second.layer(&pass));
        assert_eq!(by.prlimit_of(&seen, Resource::Nofile, None).unwrap(), FEW);
    });
}

/// A process that has ended.
fn ended(error: nearfar::Error) {
    assert_eq!((error.call(), error.errno()), (Call::PRLIMIT, Some(Errno::SRCH)));
}

#[test]
fn who_has_ended_has_no_limits() {
    deadline(|| {
        let here = Task::here();
        // A zombie, which still has its number.
        let process = here.spawn().unwrap().program(&Program::new("true")).exec().unwrap();
        here.waitid(&process, WaitIdOptions::EXITED).unwrap();
        ended(here.prlimit_of(&process, Resource::Nofile, Some(FEW)).unwrap_err());
        // Reaped by somebody else.
        let id = rustix::process::Pid::from_raw(process.id().try_into().unwrap());
        rustix::process::waitpid(id, rustix::process::WaitOptions::empty()).unwrap();
        ended(here.prlimit_of(&process, Resource::Nofile, None).unwrap_err());

        let child = here.spawn().unwrap();
        child.killer().kill().unwrap();
        until("dead", || is_dead(child.pid()));
        ended(here.prlimit_of(&child, Resource::Nofile, Some(FEW)).unwrap_err());
    });
}

#[test]
fn who_ends_in_the_middle_has_no_limits() {
    deadline(|| {
        let here = Task::here();
        let process = sleeping(here.spawn().unwrap());
        // The last moment before the call.
        let kill = |call: Call, _: &[usize]| {
            assert_eq!(call, Call::PRLIMIT);
            process.kill().unwrap();
            here.waitid(&process, WaitIdOptions::EXITED).unwrap();
            Ok(())
        };
        ended(here.layer(&kill).prlimit_of(&process, Resource::Nofile, None).unwrap_err());
    });
}
