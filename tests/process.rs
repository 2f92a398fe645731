//! Signals to numbers, copies of other tasks' fds, and every outcome of a wait.

#![allow(unsafe_code, reason = "takes fds by number")]

mod common;

use std::io::{BufRead, BufReader};
use std::thread;
use std::time::Duration;

use common::{deadline, is_dead, is_gone, numbers, same_open_file, stat, state, status, until};
use nearfar::far;
use nearfar::near::{Pgid, Pid, Tid};
use nearfar::prelude::*;
use nearfar::process::{Command, Stdio};
use nearfar::task::{ChildEvent, UsageOf};
use nearfar::{ErrorKind, Outcome};

/// A task of the host's namespaces.
trait HostTask:
    far::Task<FdTable = HostFds, AddressSpace = HostMemory, PidNamespace = HostPids>
{
}
impl<K> HostTask for K where
    K: far::Task<FdTable = HostFds, AddressSpace = HostMemory, PidNamespace = HostPids>
{
}

#[test]
fn a_process_is_killed_by_its_number() {
    fn kills(task: &impl HostTask) {
        let victim = Task::here().spawn().unwrap();
        let bystander = Task::here().spawn().unwrap();
        task.kill(victim.pid(), Signal::KILL).unwrap();
        until("dead", || state(victim.pid()) == Some('Z'));
        assert_eq!(victim.getpid().unwrap_err().kind(), ErrorKind::NotSent);
        assert_eq!(bystander.getpid().unwrap(), bystander.pid());
        let nobody = Pid::asserted(i32::MAX).unwrap();
        assert_eq!(task.kill(nobody, Signal::KILL).unwrap_err().errno(), Some(Errno::SRCH));
    }
    deadline(|| {
        let here = Task::here();
        kills(&here);
        kills(&here.spawn().unwrap());
    });
}

#[test]
fn a_group_is_killed_and_nobody_else() {
    fn kills(task: &impl HostTask) {
        let here = Task::here();
        let [leader, member, bystander] = [(); 3].map(|()| here.spawn().unwrap());
        leader.setpgrp().unwrap();
        let group = leader.getpgrp().unwrap().unwrap();
        member.setpgid(group).unwrap();
        assert_eq!(task.getpgid(member.pid()).unwrap(), Some(group));
        assert_eq!(i64::from(group.as_raw()), stat(member.pid().as_raw(), 5));
        task.killpg(group, Signal::KILL).unwrap();
        for killed in [&leader, &member] {
            until("dead", || state(killed.pid()) == Some('Z'));
        }
        assert_eq!(bystander.getpid().unwrap(), bystander.pid());
    }
    deadline(|| {
        let here = Task::here();
        kills(&here);
        kills(&here.spawn().unwrap());
    });
}

/// The kernel takes -1 for everybody. If this ever fails, it at least does no harm.
#[test]
fn the_group_1_is_not_everybody() {
    deadline(|| {
        let here = Task::here();
        let stopped = here.spawn().unwrap();
        common::stop(stopped.pid());
        let error = here.killpg(Pgid::asserted(1).unwrap(), Signal::CONT).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        assert_eq!(state(stopped.pid()), Some('T'));
        here.kill(stopped.pid(), Signal::CONT).unwrap();
    });
}

#[test]
fn groups_and_sessions_of_others_are_what_proc_says() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let session = child.setsid().unwrap();
        let sibling = here.spawn().unwrap();
        for task in [&sibling, &child] {
            assert_eq!(task.getsid(child.pid()).unwrap(), Some(session));
            let group = task.getpgid(child.pid()).unwrap().unwrap();
            assert_eq!(i64::from(group.as_raw()), stat(child.pid().as_raw(), 5));
        }
        assert_eq!(here.getsid(child.pid()).unwrap(), Some(session));
        let nobody = Pid::asserted(i32::MAX).unwrap();
        assert_eq!(here.getpgid(nobody).unwrap_err().errno(), Some(Errno::SRCH));
        assert_eq!(here.getsid(nobody).unwrap_err().errno(), Some(Errno::SRCH));
    });
}

#[test]
fn a_thread_is_signalled_by_its_numbers() {
    deadline(|| {
        let here = Task::here();
        let mine = status("thread-self", "Pid");
        assert_eq!(here.gettid().unwrap().as_raw().to_string(), mine);
        let child = here.spawn().unwrap();
        let thread = child.gettid().unwrap();
        assert_eq!(thread.as_raw(), child.pid().as_raw());
        assert_eq!(thread.to_string(), format!("Tid(host_pids:{})", child.pid().as_raw()));

        here.tgkill(child.pid(), thread, Signal::USR1).unwrap();
        // Pending in the thread, and not in the process.
        let pending = status(child.pid().as_raw(), "SigPnd");
        assert_eq!(u64::from_str_radix(&pending, 16).unwrap(), 1 << (Signal::USR1.as_raw() - 1));
        let stranger = here.spawn().unwrap();
        let error = here.tgkill(child.pid(), stranger.gettid().unwrap(), Signal::USR1).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SRCH), "not of that process");

        let other = thread::spawn(|| Task::here().gettid().unwrap().as_raw());
        let other = Tid::<HostPids>::asserted(other.join().unwrap()).unwrap();
        assert_ne!(other, here.gettid().unwrap());
        child.tgkill(child.pid(), thread, Signal::KILL).unwrap_err();
        until("dead", || state(child.pid()) == Some('Z'));
    });
}

#[test]
fn a_copy_of_a_childs_private_fd_is_the_same_file() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let (reader, writer) = child.pipe2(PipeFlags::empty()).unwrap();
        let sibling = here.spawn().unwrap();
        for copy in [
            here.pidfd_getfd(&child, &writer).unwrap(),
            sibling.pidfd_getfd(&child, &writer).unwrap(),
        ] {
            let slots = (copy.near().as_raw(), writer.near().as_raw());
            assert!(slots.0 > 2);
            assert!(same_open_file((std::process::id(), slots.0), (child.pid(), slots.1)));
            assert_eq!(here.fcntl_getfd(&copy).unwrap(), FdFlags::CLOEXEC);
            here.write(&copy, b"x").unwrap();
            child.read(&reader, &mut [0; 1]).unwrap();
        }
        drop(writer);
        assert_eq!(child.read(&reader, &mut [0; 1]).unwrap(), 0, "the copies are closed");

        // Also of a task in the same table.
        let (_, writer) = sibling.pipe2(PipeFlags::empty()).unwrap();
        let copy = here.pidfd_getfd(&sibling, &writer).unwrap();
        assert_ne!(copy.near(), writer.near());

        here.kill(child.pid(), Signal::KILL).unwrap();
        until("dead", || state(child.pid()) == Some('Z'));
        assert_eq!(here.pidfd_getfd(&child, &reader).unwrap_err().errno(), Some(Errno::SRCH));
    });
}

/// Whose pids are of another namespace: the pidfd is held, and no number used.
#[test]
fn a_copy_of_an_fd_of_the_init_of_another_pid_namespace() {
    deadline(|| {
        let mut command = Command::new("true");
        command.unshare_pid().prepare(|child| {
            assert_eq!(child.getpid()?.as_raw(), 1);
            let (reader, writer) = child.pipe2(PipeFlags::empty())?;
            let here = Task::here();
            let copy = here.pidfd_getfd(child, &reader)?;
            child.write(&writer, b"hello")?;
            assert_eq!(here.read(&copy, &mut [0; 8])?, 5);
            Ok(())
        });
        assert!(command.status().unwrap().success());
    });
}

#[test]
fn a_copy_of_a_strangers_fd_by_its_number() {
    fn copies(task: &impl HostTask) {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let program = Program::new("sleep").arg("1000");
        let process = here.spawn().unwrap().program(&program).fd(7, &reader).exec().unwrap();
        let process = process.kill_on_drop(true);
        // The program opens and closes files of its own while it starts.
        let copy = |number| {
            // SAFETY: sleep(1) does not mind.
            unsafe { task.pidfd_getfd_raw(&process, number) }
        };
        let fd = copy(7).unwrap();
        assert!(same_open_file(
            (std::process::id(), fd.near().as_raw()),
            (std::process::id(), reader.near().as_raw())
        ));
        assert_eq!(task.fcntl_getfd(&fd).unwrap(), FdFlags::CLOEXEC);
        assert_eq!(copy(1234).unwrap_err().errno(), Some(Errno::BADF));
        drop(writer);
    }
    deadline(|| {
        let here = Task::here();
        let before = numbers(std::process::id()).len();
        copies(&here);
        copies(&here.spawn().unwrap());
        assert!(numbers(std::process::id()).len() <= before + 8, "nothing piles up");
    });
}

#[test]
fn a_wait_tells_every_way_to_end() {
    deadline(|| {
        let here = Task::here();
        let run = |script: &str| {
            let shell = Program::new("sh").args(["-c", script]);
            here.spawn().unwrap().program(&shell).exec().unwrap()
        };
        let ended = |process: &ChildProcess| here.waitid(process, WaitIdOptions::EXITED).unwrap();

        let process = run("exit 200");
        assert_eq!(ended(&process), Some(ChildEvent::Exited(200)));
        assert_eq!(ended(&process), Some(ChildEvent::Exited(200)), "it is left to be reaped");
        assert_eq!(process.wait().unwrap().code(), Some(200));

        let process = run("ulimit -c 0; kill -TERM $$");
        assert_eq!(ended(&process), Some(ChildEvent::Killed(15)));
        assert_eq!(process.wait().unwrap().signal(), Some(15));

        // Whether there is a dump depends on the system; that both say the same does not.
        let dump = std::env::temp_dir().join(format!("nearfar-dump-{}", std::process::id()));
        std::fs::create_dir(&dump).unwrap();
        let script = "ulimit -c unlimited; kill -ABRT $$";
        let shell = Program::new("sh").args(["-c", script]).current_dir(&dump);
        let process = here.spawn().unwrap().program(&shell).exec().unwrap();
        let event = ended(&process);
        let Outcome::Killed { signal: 6, core_dumped } = process.wait().unwrap().outcome() else {
            panic!("it was killed");
        };
        std::fs::remove_dir_all(&dump).unwrap();
        let expected = if core_dumped { ChildEvent::Dumped(6) } else { ChildEvent::Killed(6) };
        assert_eq!(event, Some(expected));
    });
}

#[test]
fn a_wait_tells_that_a_tracer_has_stopped_it() {
    deadline(|| {
        let here = Task::here();
        let sleep = Program::new("sleep").arg("1000");
        let process = here.spawn().unwrap().program(&sleep).exec().unwrap();
        let ptrace = |request| {
            let (pid, nothing) = (process.pid().as_raw(), 0_usize);
            // SAFETY: passes numbers only.
            assert_eq!(unsafe { libc::ptrace(request, pid, nothing, nothing) }, 0);
        };
        ptrace(libc::PTRACE_SEIZE);
        ptrace(libc::PTRACE_INTERRUPT);
        let event = here.waitid(&process, WaitIdOptions::STOPPED).unwrap();
        assert!(matches!(event, Some(ChildEvent::Trapped(_))), "{event:?}");
        process.kill().unwrap();
        assert_eq!(process.wait().unwrap().signal(), Some(9));
    });
}

#[test]
fn a_wait_finds_stops_and_continuations_once() {
    deadline(|| {
        let here = Task::here();
        let sleep = Program::new("sleep").arg("1000");
        let process = here.spawn().unwrap().program(&sleep).exec().unwrap();
        let states = WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED;
        let now = |options| here.waitid(&process, options | WaitIdOptions::NOHANG).unwrap();
        assert_eq!(now(states | WaitIdOptions::EXITED), None);

        process.send_signal(Signal::STOP).unwrap();
        let seen = here.waitid(&process, states | WaitIdOptions::NOWAIT).unwrap();
        assert_eq!(seen, Some(ChildEvent::Stopped(19)));
        assert_eq!(now(states | WaitIdOptions::EXITED), Some(ChildEvent::Stopped(19)), "not taken");
        assert_eq!(here.waitid(&process, states).unwrap(), Some(ChildEvent::Stopped(19)));
        assert_eq!(now(states), None, "taken");

        process.send_signal(Signal::CONT).unwrap();
        assert_eq!(here.waitid(&process, states).unwrap(), Some(ChildEvent::Continued));
        assert_eq!(now(states), None, "taken");

        process.kill().unwrap();
        let killed = here.waitid(&process, states | WaitIdOptions::EXITED).unwrap();
        assert_eq!(killed, Some(ChildEvent::Killed(9)));
        // Without `EXITED`, nothing is to be found any more, and nothing is reaped.
        let error = here.waitid(&process, states | WaitIdOptions::NOHANG).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::CHILD));
        assert_eq!(process.wait().unwrap().signal(), Some(9));
    });
}

#[test]
fn a_driven_task_is_seen_to_stop() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pidfd = here.pidfd_open(child.pid()).unwrap();
        here.kill(child.pid(), Signal::STOP).unwrap();
        let stopped = here.waitid(&pidfd, WaitIdOptions::STOPPED).unwrap();
        assert_eq!(stopped, Some(ChildEvent::Stopped(19)));
        here.kill(child.pid(), Signal::CONT).unwrap();
        let event = here.waitid(&pidfd, WaitIdOptions::CONTINUED).unwrap();
        assert_eq!(event, Some(ChildEvent::Continued));
        assert_eq!(child.getpid().unwrap(), child.pid());
        // It has no children.
        let error = child.waitid(&pidfd, WaitIdOptions::EXITED).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::CHILD));
    });
}

#[test]
fn options_that_do_something_else_are_not_sent() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pidfd = here.pidfd_open(child.pid()).unwrap();
        for bits in [libc::__WALL, libc::__WCLONE, libc::__WNOTHREAD, 1 << 10] {
            let options = WaitIdOptions::EXITED | WaitIdOptions::from_bits_retain(bits as u32);
            let error = here.waitid(&pidfd, options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        }
        let error = here.waitid(&pidfd, WaitIdOptions::NOHANG).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    });
}

#[test]
fn usage_grows_where_work_is_done() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let ours = peak_by_libc();
        let usage = here.getrusage(UsageOf::Process).unwrap();
        assert!(usage.max_resident_kib() >= ours, "what libc said before");
        // `/proc` says the same of a child, in clock ticks of 10 ms.
        let file = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        let mut buffer = vec![0; 1 << 20];
        while stat(child.pid().as_raw(), 15) < 3 {
            child.read(&file, &mut buffer[..]).unwrap();
        }
        for of in [UsageOf::Process, UsageOf::Thread] {
            assert!(child.getrusage(of).unwrap().system_time().as_millis() >= 25);
        }
        assert!(child.getrusage(UsageOf::Children).unwrap().system_time().is_zero());
        let thread = thread::spawn(|| Task::here().getrusage(UsageOf::Thread).unwrap());
        let thread = thread.join().unwrap();
        assert!(thread.user_time() <= here.getrusage(UsageOf::Process).unwrap().user_time());
    });
}

/// The peak resident size of this process, by libc.
fn peak_by_libc() -> u64 {
    // SAFETY: zeroes are a `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in a local.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    usage.ru_maxrss as u64
}

#[test]
fn what_a_drop_does_is_what_was_said_last() {
    deadline(|| {
        let sleep = Program::new("sleep").arg("1000");
        let start = || Task::here().spawn().unwrap().program(&sleep).exec().unwrap();
        // It leads no group, and is killed alone.
        let process = start().kill_on_drop(false).kill_group_on_drop(true);
        let pid = process.pid();
        drop(process);
        assert!(is_gone(pid));

        let process = start().kill_group_on_drop(true).kill_on_drop(false);
        let (pid, killer) = (process.pid(), process.killer());
        drop(process);
        assert!(!is_dead(pid));
        killer.send_signal(Signal::TERM).unwrap();
        until("ended", || is_dead(pid));

        let with_background = |shell: &mut Command| {
            let mut shell = shell.stdout(Stdio::piped()).spawn().unwrap();
            let mut background = String::new();
            BufReader::new(shell.stdout.take().unwrap()).read_line(&mut background).unwrap();
            (shell, background.trim().parse::<i32>().unwrap())
        };
        // Without a word on its group, it leads one.
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo $!; wait"]).kill_group_on_drop(true);
        let (shell, background) = with_background(&mut shell);
        assert!(!is_dead(background));
        drop(shell);
        until("ended", || is_dead(background));

        // Who has been waited for is nobody's to kill.
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo $!"]).process_group(0).kill_group_on_drop(true);
        let (mut shell, background) = with_background(&mut shell);
        assert!(shell.ended_within(Duration::MAX).unwrap());
        let killer = shell.killer();
        assert!(shell.wait().unwrap().success());
        drop(shell);
        assert!(!is_dead(background));
        // SAFETY: passes numbers; nobody else has reaped it.
        assert_eq!(unsafe { libc::kill(background, libc::SIGKILL) }, 0);
        assert!(killer.kill().is_err());
        until("ended", || is_dead(background));
    });
}
