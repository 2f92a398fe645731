//! Masks and dispositions: at once on the calling thread, for its program on a driven task.

#![allow(unsafe_code, reason = "handles signals, and reads them")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{ptr, thread};

use common::{deadline, is_gone, passes, state, status, until};
use nearfar::SignalSet;
use nearfar::prelude::*;
use nearfar::task::{NotExecuted, SigAction, SigmaskChange};

const EVERY: u64 = !(1 << (libc::SIGKILL - 1)) & !(1 << (libc::SIGSTOP - 1));

/// A mask of `/proc/PROCESS/status`.
fn mask(process: impl std::fmt::Display, field: &str) -> u64 {
    u64::from_str_radix(&status(process, field), 16).unwrap()
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// What grep(1), as the child's program, finds in its own `/proc/self/status`.
fn masks_of_program<K: DrivenTask + far::Task<FdTable = HostFds>>(child: K) -> [u64; 2] {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let grep = Program::new("grep").args(["-E", "SigBlk|SigIgn", "/proc/self/status"]);
    let process = child.program(&grep).fd(1, &writer).exec().unwrap();
    assert!(process.wait().unwrap().success());
    read_masks(&reader)
}

fn read_masks(reader: &Fd<HostFds>) -> [u64; 2] {
    let mut buffer = [0; 256];
    let length = Task::here().read(reader, &mut buffer).unwrap();
    let text = std::str::from_utf8(&buffer[..length]).unwrap();
    let masks = text.lines().map(|line| line.split_once(":\t").unwrap().1);
    let masks: Vec<u64> = masks.map(|mask| u64::from_str_radix(mask, 16).unwrap()).collect();
    masks.try_into().unwrap()
}

#[test]
fn what_a_driven_task_blocks_is_blocked_in_its_program() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        assert_eq!(child.sigmask().unwrap(), SignalSet::empty());
        let some = SignalSet::from_iter([Signal::TERM, Signal::PIPE, Signal::USR1]);
        let before = child.sigprocmask(SigmaskChange::Set, some).unwrap();
        assert_eq!(before, SignalSet::empty());
        let usr1 = SignalSet::from_iter([Signal::USR1]);
        assert_eq!(child.sigprocmask(SigmaskChange::Unblock, usr1).unwrap(), some);
        let hup = SignalSet::from_iter([Signal::HUP]);
        child.sigprocmask(SigmaskChange::Block, hup).unwrap();
        let expected = SignalSet::from_iter([Signal::TERM, Signal::PIPE, Signal::HUP]);
        assert_eq!(child.sigmask().unwrap(), expected);
        assert_eq!(mask(pid, "SigBlk"), EVERY, "as long as it is driven");

        let sibling = child.spawn().unwrap();
        assert_eq!(sibling.sigmask().unwrap(), expected, "a child has its parent's mask");
        child.sigprocmask(SigmaskChange::Set, SignalSet::empty()).unwrap();
        assert_eq!(sibling.sigmask().unwrap(), expected, "its own");
        for (task, blocked) in [
            (sibling, bit(Signal::TERM) | bit(Signal::PIPE) | bit(Signal::HUP)),
            (child, 0),
            (here.spawn().unwrap(), 0),
        ] {
            let [blocked_there, ignored] = masks_of_program(task);
            assert_eq!(blocked_there, blocked);
            assert_eq!(ignored & bit(Signal::PIPE), 0);
        }
    });
}

#[test]
fn what_libc_needs_is_not_blocked_in_a_program() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.sigprocmask(SigmaskChange::Set, SignalSet::all()).unwrap();
        let [blocked, _] = masks_of_program(child);
        let libcs = (32..libc::SIGRTMIN()).fold(0_u64, |set, signal| set | 1 << (signal - 1));
        assert!(libcs.count_ones() >= 2);
        assert_eq!(blocked, EVERY & !libcs);
    });
}

#[test]
fn a_signal_that_the_program_blocks_does_not_end_it_early() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        here.kill(child.pid(), Signal::TERM).unwrap();
        here.kill(child.pid(), Signal::INT).unwrap();
        let both = SignalSet::from_iter([Signal::TERM, Signal::INT]);
        assert_eq!(child.sigpending().unwrap(), both);
        assert_eq!(mask(child.pid().as_raw(), "ShdPnd"), bit(Signal::TERM) | bit(Signal::INT));
        child.sigprocmask(SigmaskChange::Block, both).unwrap();
        let grep = Program::new("grep").args(["ShdPnd", "/proc/self/status"]);
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let process = child.program(&grep).fd(1, &writer).exec().unwrap();
        assert!(process.wait().unwrap().success());
        let mut buffer = [0; 64];
        let length = here.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"ShdPnd:\t0000000000004002\n");
    });
}

#[test]
fn what_a_driven_task_ignores_is_ignored_in_its_program() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        assert_eq!(
            mask(pid, "SigIgn") & bit(Signal::PIPE),
            bit(Signal::PIPE),
            "while it is driven"
        );
        for signal in [Signal::PIPE, Signal::USR2] {
            assert_eq!(child.sigaction(signal).unwrap(), Some(SigAction::Default));
            child.set_sigaction(signal, SigAction::Ignore).unwrap();
            assert_eq!(child.sigaction(signal).unwrap(), Some(SigAction::Ignore));
        }
        child.set_sigaction(Signal::USR1, SigAction::Ignore).unwrap();
        child.set_sigaction(Signal::USR1, SigAction::Default).unwrap();
        let sibling = child.spawn().unwrap();
        assert_eq!(sibling.sigaction(Signal::USR2).unwrap(), Some(SigAction::Ignore));
        assert_eq!(sibling.sigaction(Signal::PIPE).unwrap(), Some(SigAction::Ignore));

        // Both ways round.
        child.set_sigaction(Signal::PIPE, SigAction::Default).unwrap();
        assert_eq!(mask(pid, "SigIgn") & bit(Signal::PIPE), bit(Signal::PIPE), "still driven");
        let asked = bit(Signal::PIPE) | bit(Signal::USR2) | bit(Signal::USR1);
        let [_, ignored] = masks_of_program(child);
        assert_eq!(ignored & asked, bit(Signal::USR2));
        let [_, ignored] = masks_of_program(sibling);
        assert_eq!(ignored & asked, bit(Signal::PIPE) | bit(Signal::USR2));

        let child = here.spawn().unwrap();
        for signal in [Signal::KILL, Signal::STOP] {
            let error = child.set_sigaction(signal, SigAction::Ignore).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
        assert_eq!(here.sigaction(Signal::USR2).unwrap(), Some(SigAction::Default), "only theirs");
    });
}

#[test]
fn a_broken_pipe_of_a_driven_task_does_not_end_it_whatever_its_program_does() {
    deadline(|| {
        let here = Task::here();
        for action in [SigAction::Default, SigAction::Ignore] {
            let child = here.spawn().unwrap();
            child.set_sigaction(Signal::PIPE, action).unwrap();
            child.sigprocmask(SigmaskChange::Set, SignalSet::empty()).unwrap();
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            drop(reader);
            let error = child.write(&writer, b"x").unwrap_err();
            assert_eq!(error.errno(), Some(Errno::PIPE));
            let yes = Program::new("sh").args(["-c", "yes; exit 0"]);
            let process = child.program(&yes).fd(1, &writer).fd(2, &writer).exec().unwrap();
            // Ignored, yes(1) sees an error; else, it and not the shell is killed.
            assert!(process.wait().unwrap().success());
        }
    });
}

/// An init ignores `SIGCHLD` while it is driven, for its children.
#[test]
fn what_an_init_does_with_its_children_is_not_what_its_program_does() {
    deadline(|| {
        for asked in [None, Some(SigAction::Default), Some(SigAction::Ignore)] {
            for before_its_children in [true, false] {
                let here = Task::here();
                let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
                brand!(inner_pids);
                let init = here.spawn_with_pids(inner_pids).unwrap();
                let set = || asked.map(|action| init.set_sigaction(Signal::CHILD, action).unwrap());
                if before_its_children {
                    set();
                }
                drop(init.spawn().unwrap());
                if !before_its_children {
                    set();
                }
                let expected = asked.unwrap_or(SigAction::Default);
                assert_eq!(init.sigaction(Signal::CHILD).unwrap(), Some(expected));
                // It can still have children that leave no zombies.
                let child = init.spawn().unwrap();
                let pid = child.host_pid();
                drop(child);
                until("reaped by the kernel", || is_gone(pid));
                let grep = Program::new("grep").args(["-E", "SigBlk|SigIgn", "/proc/self/status"]);
                let process = init.program(&grep).fd(1, &writer).exec().unwrap();
                assert!(process.wait().unwrap().success());
                let [_, ignored] = read_masks(&reader);
                let expected = if expected == SigAction::Ignore { bit(Signal::CHILD) } else { 0 };
                assert_eq!(ignored & bit(Signal::CHILD), expected);
            }
        }
    });
}

#[test]
fn a_failed_exec_puts_the_signals_back() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let pid = child.pid().as_raw();
        let term = SignalSet::from_iter([Signal::TERM]);
        child.sigprocmask(SigmaskChange::Set, term).unwrap();
        child.set_sigaction(Signal::HUP, SigAction::Ignore).unwrap();
        let (blocked, ignored) = (mask(pid, "SigBlk"), mask(pid, "SigIgn"));
        let no_program = Program::new("/no-such-program");
        let NotExecuted { task, .. } = child.program(&no_program).try_exec().unwrap_err();
        assert_eq!((mask(pid, "SigBlk"), mask(pid, "SigIgn")), (blocked, ignored));
        assert_eq!(task.sigmask().unwrap(), term);
        assert_eq!(task.sigaction(Signal::HUP).unwrap(), Some(SigAction::Ignore));
        assert_eq!(task.sigaction(Signal::PIPE).unwrap(), Some(SigAction::Default));
        // It is still a task that signals do not end.
        here.kill(task.pid(), Signal::INT).unwrap();
        assert_eq!(task.getpid().unwrap(), task.pid());
    });
}

#[test]
fn the_calling_threads_mask_is_its_own() {
    deadline(|| {
        let before = mask("thread-self", "SigBlk");
        let other = thread::spawn(|| {
            let here = Task::here();
            let some = SignalSet::from_iter([Signal::USR1, Signal::HUP]);
            let as_the_kernel_says = mask("thread-self", "SigBlk");
            let before = here.sigprocmask(SigmaskChange::Block, some).unwrap();
            let blocked = mask("thread-self", "SigBlk");
            assert_eq!(blocked, as_the_kernel_says | bit(Signal::USR1) | bit(Signal::HUP));
            assert_eq!(here.sigmask().unwrap(), before | some);

            let pid = here.getpid().unwrap();
            here.tgkill(pid, here.gettid().unwrap(), Signal::USR1).unwrap();
            assert_eq!(here.sigpending().unwrap(), SignalSet::from_iter([Signal::USR1]));

            // Not inherited by a program, nor in the way of making one.
            let [blocked, _] = masks_of_program(here.spawn().unwrap());
            assert_eq!(blocked, 0);

            here.sigprocmask(SigmaskChange::Set, SignalSet::all()).unwrap();
            let blocked = mask("thread-self", "SigBlk");
            let libcs = (32..libc::SIGRTMIN()).fold(0_u64, |set, signal| set | 1 << (signal - 1));
            assert_eq!(blocked, EVERY & !libcs);
        });
        other.join().unwrap();
        assert_eq!(mask("thread-self", "SigBlk"), before);
    });
}

#[test]
fn a_handler_of_this_program_is_seen_but_not_in_a_child() {
    passes("host_with_a_handler");
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);
static VALUE: AtomicUsize = AtomicUsize::new(0);
static SENDER: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes one.
    let info = unsafe { &*info };
    // SAFETY: it is filled in for `SI_QUEUE`.
    let (value, pid) = (unsafe { info.si_value() }, unsafe { info.si_pid() });
    VALUE.store(value.sival_ptr as usize, Ordering::SeqCst);
    SENDER.store(pid as usize, Ordering::SeqCst);
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

#[test]
#[ignore = "a host for the test above"]
fn host_with_a_handler() {
    // SAFETY: zeroes are a `sigaction`.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: the handler touches atomics only.
    unsafe { libc::sigaction(libc::SIGUSR2, &raw const action, ptr::null_mut()) };
    let here = Task::here();
    let child = here.spawn().unwrap();
    assert_eq!(here.sigaction(Signal::USR2).unwrap(), None);
    assert_eq!(child.sigaction(Signal::USR2).unwrap(), Some(SigAction::Default));
    assert_eq!(here.sigaction(Signal::PIPE).unwrap(), Some(SigAction::Ignore), "Rust's own");

    // A value, from either task, by number and by pidfd.
    let me = here.getpid().unwrap();
    let pidfd = here.pidfd_open(me).unwrap();
    let mut count = 0;
    let mut arrived = |value: i32, sender: i32| {
        count += 1;
        until("handled", || HANDLED.load(Ordering::SeqCst) == count);
        assert_eq!(VALUE.load(Ordering::SeqCst) as u32 as i32, value);
        assert_eq!(SENDER.load(Ordering::SeqCst) as i32, sender);
    };
    here.rt_sigqueueinfo(me, Signal::USR2, 7).unwrap();
    arrived(7, me.as_raw());
    child.rt_sigqueueinfo(me, Signal::USR2, -8).unwrap();
    arrived(-8, child.pid().as_raw());
    here.pidfd_send_signal_value(&pidfd, Signal::USR2, 9).unwrap();
    arrived(9, me.as_raw());
    child.pidfd_send_signal_value(&pidfd, Signal::USR2, i32::MAX).unwrap();
    arrived(i32::MAX, child.pid().as_raw());

    // In the child, it is blocked, and no handler runs.
    here.rt_sigqueueinfo(child.pid(), Signal::USR2, 1).unwrap();
    assert!(child.sigpending().unwrap().contains(Signal::USR2));
    assert_eq!(HANDLED.load(Ordering::SeqCst), count);
    child.set_sigaction(Signal::USR2, SigAction::Ignore).unwrap();
    assert_eq!(child.sigpending().unwrap(), SignalSet::empty(), "ignoring forgets it");
    assert_eq!(here.sigaction(Signal::USR2).unwrap(), None, "and is the child's own");
}

#[test]
fn a_stop_that_the_program_does_not_block_takes_effect_in_the_program() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid();
        here.kill(pid, Signal::TSTP).unwrap();
        assert_eq!(child.getpid().unwrap(), pid);
        let process = thread::scope(|scope| {
            let exec = scope.spawn(move || child.program(&Program::new("true")).exec().unwrap());
            until("stopped by what was pending", || state(pid) == Some('T') || exec.is_finished());
            here.kill(pid, Signal::CONT).unwrap();
            exec.join().unwrap()
        });
        assert!(process.wait().unwrap().success());
    });
}
