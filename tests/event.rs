//! Counters, timers and signals as fds, and waiting for several fds.

#![allow(unsafe_code, reason = "signals have no safe wrapper")]

mod common;

use std::fs::File;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use common::{deadline, fdinfo_field, number_is_close_on_exec, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::rustix::time::{ClockId, clock_gettime};

/// Runs the same on the calling thread, on a driven child, and on one in a table of its own.
macro_rules! on_every_task {
    ($run:ident) => {
        deadline(|| {
            let here = Task::here();
            $run(&here);
            $run(&here.spawn().unwrap());
            brand!(private_fds);
            let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
            $run(&child);
        })
    };
}

fn counts<K: EventTask<PidNamespace = HostPids>>(task: &K) {
    let pid = task.pid();
    let counter = task.eventfd(7, EventfdFlags::NONBLOCK).unwrap();
    let number = counter.near().as_raw();
    let count = || u64::from_str_radix(&fdinfo_field(pid, number, "eventfd-count"), 16).unwrap();
    assert!(number >= 3 && number_is_close_on_exec(pid, number));
    assert_eq!(count(), 7);
    task.eventfd_write(&counter, 5).unwrap();
    assert_eq!(count(), 12);
    assert_eq!(task.eventfd_read(&counter).unwrap(), 12);
    assert_eq!(count(), 0);
    assert_eq!(task.eventfd_read(&counter).unwrap_err().errno(), Some(Errno::AGAIN));
    let error = task.eventfd_write(&counter, u64::MAX).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
    task.eventfd_write(&counter, u64::MAX - 1).unwrap();
    assert_eq!(task.eventfd_write(&counter, 1).unwrap_err().errno(), Some(Errno::AGAIN));

    let semaphore = task.eventfd(2, EventfdFlags::SEMAPHORE).unwrap();
    assert_eq!(task.eventfd_read(&semaphore).unwrap(), 1);
    let left = fdinfo_field(pid, semaphore.near().as_raw(), "eventfd-count");
    assert_eq!(left, "1");

    let unknown = EventfdFlags::from_bits_retain(1 << 20);
    assert_eq!(task.eventfd(0, unknown).unwrap_err().kind(), ErrorKind::UnknownFlags);
}

#[test]
fn a_counter_counts() {
    on_every_task!(counts);
}

#[test]
fn what_is_no_counter_is_no_count() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        here.write(&writer, b"abc").unwrap();
        assert_eq!(here.eventfd_read(&reader).unwrap_err().errno(), Some(Errno::INVAL));
        drop(writer);
        assert_eq!(here.eventfd_read(&reader).unwrap_err().errno(), Some(Errno::INVAL));
    });
}

fn seconds(seconds: i64) -> Timespec {
    Timespec { tv_sec: seconds, tv_nsec: 0 }
}

fn expires<K: EventTask<PidNamespace = HostPids>>(task: &K) {
    let pid = task.pid();
    let timer = task.timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK).unwrap();
    let number = timer.near().as_raw();
    assert!(number >= 3 && number_is_close_on_exec(pid, number));
    assert_eq!(fdinfo_field(pid, number, "clockid"), "1");
    assert_eq!(task.timerfd_read(&timer).unwrap_err().errno(), Some(Errno::AGAIN));

    // Far away.
    let far = Itimerspec { it_interval: seconds(1000), it_value: seconds(5000) };
    let before = task.timerfd_settime(&timer, TimerfdTimerFlags::empty(), &far).unwrap();
    assert_eq!((before.it_value, before.it_interval), (seconds(0), seconds(0)));
    assert_eq!(fdinfo_field(pid, number, "it_interval"), "(1000, 0)");
    let told = fdinfo_field(pid, number, "it_value");
    assert!(told.starts_with("(49"), "{told}");
    let left = task.timerfd_gettime(&timer).unwrap();
    assert_eq!((left.it_value.tv_sec, left.it_interval), (4999, seconds(1000)));

    // Long ago, many times.
    let start = clock_gettime(ClockId::Monotonic) - seconds(1);
    let often = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let ago = Itimerspec { it_interval: often, it_value: start };
    let before = task.timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &ago).unwrap();
    assert_eq!((before.it_value.tv_sec, before.it_interval), (4999, seconds(1000)));
    assert!(task.timerfd_read(&timer).unwrap() >= 10);

    let unknown = TimerfdTimerFlags::from_bits_retain(1 << 20);
    let error = task.timerfd_settime(&timer, unknown, &far).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    let unknown = TimerfdFlags::from_bits_retain(1 << 20);
    let error = task.timerfd_create(TimerfdClockId::Realtime, unknown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    let wrong = Itimerspec {
        it_interval: seconds(0),
        it_value: Timespec { tv_sec: 0, tv_nsec: 1_000_000_000 },
    };
    let error = task.timerfd_settime(&timer, TimerfdTimerFlags::empty(), &wrong).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
}

#[test]
fn a_timer_expires() {
    on_every_task!(expires);
}

/// The signals that `/proc` tells a signalfd is for.
fn mask(pid: nearfar::near::Pid<HostPids>, fd: i32) -> u64 {
    u64::from_str_radix(&fdinfo_field(pid, fd, "sigmask"), 16).unwrap()
}

#[test]
fn sets_of_signals_are_the_kernels() {
    let here = Task::here();
    let of = |set| {
        let fd = here.signalfd(set, OFlags::empty()).unwrap();
        mask(here.pid(), fd.near().as_raw())
    };
    let without_kill_and_stop = |bits: u64| bits & !(1 << 8) & !(1 << 18);
    assert_eq!(of(SignalSet::empty()), 0);
    assert_eq!(of(SignalSet::default()), 0);
    assert_eq!(of(SignalSet::all()), without_kill_and_stop(u64::MAX));
    assert_eq!(of(SignalSet::of(&[Signal::HUP, Signal::SYS])), 1 | 1 << 30);
    for number in (1..=31).chain(34..=64) {
        let set = SignalSet::of_number(number).unwrap();
        assert_eq!(of(set), without_kill_and_stop(1 << (number - 1)));
        assert_eq!(set.numbers().collect::<Vec<_>>(), [number]);
        if let Some(signal) = Signal::from_named_raw(number) {
            assert_eq!(set, signal.into());
        }
    }
    for number in [i32::MIN, -1, 0, 32, 33, 65, i32::MAX] {
        assert_eq!(SignalSet::of_number(number), None);
    }

    let mut set = SignalSet::empty();
    assert!(set.is_empty());
    set.insert(Signal::TERM);
    set.extend([Signal::INT, Signal::TERM]);
    assert!(set.contains(Signal::INT) && set.contains(Signal::TERM) && !set.is_empty());
    set.remove(Signal::INT);
    assert_eq!(set, SignalSet::of(&[Signal::TERM]));
    set |= [Signal::USR1].into_iter().collect();
    assert_eq!(set, SignalSet::from(Signal::TERM) | Signal::USR1.into());
    assert_eq!(format!("{:?} {set:?}", SignalSet::empty()), "SignalSet {} SignalSet {10, 15}");
}

#[test]
fn a_driven_task_reads_its_signals() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid();
        let stop = SignalSet::of(&[Signal::INT, Signal::TERM]);
        let realtime = SignalSet::of_number(40).unwrap();
        let signals = child.signalfd(stop | realtime, OFlags::NONBLOCK).unwrap();
        let number = signals.near().as_raw();
        assert!(number >= 3 && number_is_close_on_exec(pid, number));
        assert_eq!(child.signalfd_read(&signals).unwrap_err().errno(), Some(Errno::AGAIN));

        // Another program sends one, as the kernel tells who it was.
        let kill = format!("kill -TERM {}; kill -HUP {}", pid.as_raw(), pid.as_raw());
        let shell = std::process::Command::new("sh").args(["-c", &kill]).spawn().unwrap();
        let sender = shell.id() as i32;
        let _ended = shell.wait_with_output().unwrap();
        let signal = child.signalfd_read(&signals).unwrap();
        assert_eq!(signal.signal(), Some(Signal::TERM));
        assert_eq!(signal.number(), libc::SIGTERM);
        assert_eq!(signal.code(), libc::SI_USER);
        assert_eq!((signal.sender_number(), signal.pid()), (sender, None));
        assert_eq!(signal.uid(), nearfar::rustix::process::getuid());
        assert!(format!("{signal:?}").contains(&format!("sender_number: {sender}")));
        assert_eq!(child.signalfd_read(&signals).unwrap_err().errno(), Some(Errno::AGAIN));

        // With a value.
        let value = libc::sigval { sival_ptr: 77 as *mut _ };
        // SAFETY: numbers only.
        assert_eq!(unsafe { libc::sigqueue(pid.as_raw(), 40, value) }, 0);
        let first = signal;
        let signal = child.signalfd_read(&signals).unwrap();
        let same = signal;
        assert!(signal == same && signal != first);
        assert_eq!((signal.signal(), signal.number()), (None, 40));
        assert_eq!((signal.code(), signal.value()), (libc::SI_QUEUE, 77));
        assert_eq!(signal.sender_number(), here.pid().as_raw());

        // The other one was not asked for, until now.
        child.signalfd_set(&signals, Signal::HUP.into()).unwrap();
        assert_eq!(mask(pid, number), 1);
        assert_eq!(child.signalfd_read(&signals).unwrap().signal(), Some(Signal::HUP));

        let file = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let error = child.signalfd_set(&file, stop).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        let error = child.signalfd(stop, OFlags::APPEND).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    });
}

#[test]
fn a_sender_outside_of_the_pid_namespace_has_no_number() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let child = here.spawn_with_pids(inner_pids).unwrap();
        let signals = child.signalfd(Signal::TERM.into(), OFlags::empty()).unwrap();
        let pidfd = here.pidfd_open(child.host_pid()).unwrap();
        here.pidfd_send_signal(&pidfd, Signal::TERM).unwrap();
        let signal = child.signalfd_read(&signals).unwrap();
        assert_eq!((signal.signal(), signal.sender_number()), (Some(Signal::TERM), 0));

        // Its own number in there is another than here.
        child.kill(child.pid(), Signal::TERM).unwrap();
        let signal = child.signalfd_read(&signals).unwrap();
        assert_eq!(signal.sender_number(), child.pid().as_raw());
        assert_eq!(child.pid().as_raw(), 1);
    });
}

/// The kernel says what such a sender calls itself, which is somebody else out here.
#[test]
fn a_sender_in_a_pid_namespace_inside_is_no_pid() {
    deadline(|| {
        let here = Task::here();
        let outer = here.spawn().unwrap();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let sender = init.spawn().unwrap();
        let group = sender.setpgrp().unwrap();
        outer.setpgid(here.getpgid(sender.host_pid()).unwrap().unwrap()).unwrap();
        let signals = outer.signalfd(Signal::USR1.into(), OFlags::NONBLOCK).unwrap();
        sender.killpg(group, Signal::USR1).unwrap();
        let signal = outer.signalfd_read(&signals).unwrap();
        assert_eq!((signal.signal(), signal.pid()), (Some(Signal::USR1), None));
        assert_eq!(signal.sender_number(), sender.pid().as_raw());
        assert_ne!(signal.sender_number(), sender.host_pid().as_raw());
    });
}

#[test]
fn the_calling_thread_reads_signals_it_has_blocked() {
    deadline(|| {
        let here = Task::here();
        let user = SignalSet::from(Signal::USR1);
        let signals = here.signalfd(user, OFlags::empty()).unwrap();
        // SAFETY: zeroes are an empty set.
        let mut blocked: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: a local.
        unsafe { libc::sigaddset(&raw mut blocked, libc::SIGUSR1) };
        // SAFETY: a local, and this thread's mask only.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const blocked, std::ptr::null_mut()) };
        // SAFETY: sends to this thread.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
        let signal = here.signalfd_read(&signals).unwrap();
        assert_eq!((signal.signal(), signal.code()), (Some(Signal::USR1), libc::SI_TKILL));
        assert_eq!(signal.sender_number(), here.pid().as_raw());
    });
}

fn polls<K>(task: &K)
where
    K: PollTask + FileDescriptorTask<PidNamespace = HostPids, AddressSpace = HostMemory>,
{
    let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
    let limit = Duration::from_millis(20);
    let mut fds = [PollFd::new(&reader, PollFlags::IN), PollFd::new(&writer, PollFlags::empty())];
    let start = Instant::now();
    assert_eq!(task.ppoll(&mut fds, Some(limit)).unwrap(), 0);
    assert!(start.elapsed() >= limit);
    fds[1].set_events(PollFlags::OUT);
    assert_eq!(task.ppoll(&mut fds[..], None).unwrap(), 1);
    assert_eq!(fds[0].revents(), PollFlags::empty());
    assert_eq!(fds[1].revents(), PollFlags::OUT);
    task.write(&writer, b"x").unwrap();
    assert_eq!(task.ppoll(&mut fds, Some(Duration::MAX)).unwrap(), 2);
    assert_eq!(fds[0].revents(), PollFlags::IN);
    assert!(format!("{:?}", fds[0]).contains("revents: PollFlags(IN)"), "{:?}", fds[0]);
    task.close(writer).unwrap();
    let borrowed = reader.borrow();
    let mut fds = vec![PollFd::new(&borrowed, PollFlags::IN)];
    assert_eq!(task.ppoll(&mut fds, Some(Duration::ZERO)).unwrap(), 1);
    assert_eq!(fds[0].revents(), PollFlags::IN | PollFlags::HUP);
    assert_eq!(task.ppoll(&mut Vec::new(), Some(Duration::ZERO)).unwrap(), 0);
}

#[test]
fn poll_tells_what_has_happened_to_which_fd() {
    on_every_task!(polls);
}

#[test]
fn poll_waits_for_std_too_and_can_be_ended() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (reader, mut writer) = (File::from(reader), File::from(writer));
        let child = here.spawn().unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        thread::scope(|scope| {
            let reader = &reader;
            let waiting = scope.spawn(move || {
                let mut fds = [PollFd::new(reader, PollFlags::IN)];
                let ready = child.ppoll(&mut fds, None).unwrap();
                assert_eq!((ready, fds[0].revents()), (1, PollFlags::IN));
                child
            });
            until_blocked_in(pid, libc::SYS_ppoll);
            writer.write_all(b"x").unwrap();
            let child = waiting.join().unwrap();
            let waiting = scope.spawn(move || {
                let mut fds = [PollFd::new(reader, PollFlags::PRI)];
                child.ppoll(&mut fds, None).unwrap_err()
            });
            until_blocked_in(pid, libc::SYS_ppoll);
            killer.kill().unwrap();
            assert_eq!(waiting.join().unwrap().kind(), ErrorKind::Hangup);
        });
    });
}
