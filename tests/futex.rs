//! Sleeping on words of this program's memory, from its threads and its driven tasks.

mod common;

use std::fs::File;
use std::num::NonZeroU32;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{deadline, until_blocked_in, until_it_sleeps_on};
use nearfar::ErrorKind;
use nearfar::far;
use nearfar::prelude::*;
use nearfar::task::FutexScope::{Private, Shared};
use nearfar::task::{FutexDeadline, FutexScope, FutexWaiter};
use rustix::time::{ClockId, Timespec, clock_gettime};

const LONG: Option<Duration> = Some(Duration::from_secs(1000));
const MOMENT: Duration = Duration::from_millis(2);

fn bits(bits: u32) -> NonZeroU32 {
    NonZeroU32::new(bits).unwrap()
}

fn past() -> Option<FutexDeadline> {
    Some(FutexDeadline::Monotonic(Timespec { tv_sec: 0, tv_nsec: 1 }))
}

/// Has a driven task do `sleep`, runs `wake` once it sleeps on the word, or without one in
/// `futex_waitv`, and returns what it got.
fn while_it_sleeps<T: Send>(
    word: Option<&AtomicU32>,
    sleep: impl FnOnce(&Task<HostFds, HostMemory, HostPids>) -> T + Send,
    wake: impl FnOnce(),
) -> T {
    let child = Task::here().spawn().unwrap();
    let (pid, killer) = (child.pid(), child.killer());
    thread::scope(|scope| {
        let sleeper = scope.spawn(move || sleep(&child));
        match word {
            Some(word) => until_it_sleeps_on(word, pid.as_raw()),
            None => until_blocked_in(pid, libc::SYS_futex_waitv),
        }
        let woken = catch_unwind(AssertUnwindSafe(wake));
        if woken.is_err() {
            // Else nobody would wake it any more.
            killer.kill().unwrap();
        }
        let slept = sleeper.join().unwrap();
        woken.unwrap_or_else(|panic| resume_unwind(panic));
        slept
    })
}

#[test]
fn a_driven_task_and_a_thread_meet_at_a_word() {
    deadline(|| {
        let here = Task::here();
        let sibling = here.spawn().unwrap();
        for scope in [Private, Shared] {
            for waker in [0, 1] {
                let word = AtomicU32::new(5);
                let slept = while_it_sleeps(
                    Some(&word),
                    |child| child.futex_wait(&word, 5, LONG, scope),
                    || {
                        let woken = match waker {
                            0 => here.futex_wake(&word, 1, scope),
                            _ => sibling.futex_wake(&word, u32::MAX, scope),
                        };
                        assert_eq!(woken, Ok(1));
                    },
                );
                assert_eq!(slept, Ok(()));
            }
        }
        // And the other way round.
        let word = AtomicU32::new(0);
        thread::scope(|scope| {
            let (send, thread) = std::sync::mpsc::channel();
            let word = &word;
            let sleeper = scope.spawn(move || {
                let here = Task::here();
                send.send(here.gettid().unwrap().as_raw()).unwrap();
                here.futex_wait(word, 0, None, Private)
            });
            until_it_sleeps_on(word, thread.recv().unwrap());
            assert_eq!(sibling.futex_wake(word, 1, Private), Ok(1));
            assert_eq!(sleeper.join().unwrap(), Ok(()));
        });
    });
}

#[test]
fn who_sleeps_in_another_scope_is_not_woken() {
    deadline(|| {
        let here = Task::here();
        let word = AtomicU32::new(0);
        let slept = while_it_sleeps(
            Some(&word),
            |child| child.futex_wait(&word, 0, None, Private),
            || {
                assert_eq!(here.futex_wake(&word, 9, Shared), Ok(0));
                assert_eq!(here.futex_wake(&word, 0, Private), Ok(0), "none");
                assert_eq!(here.futex_wake(&word, 9, Private), Ok(1));
            },
        );
        assert_eq!(slept, Ok(()));
    });
}

fn ends_by_itself(task: &impl far::Task<AddressSpace = HostMemory>) {
    let word = AtomicU32::new(3);
    for scope in [Private, Shared] {
        let error = task.futex_wait(&word, 4, None, scope).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
        let start = Instant::now();
        let error = task.futex_wait(&word, 3, Some(MOMENT), scope).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::TIMEDOUT));
        assert!(start.elapsed() >= MOMENT);

        let error = task.futex_wait_bitset(&word, 3, bits(1), past(), scope).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::TIMEDOUT), "a point in time");
        let start = Instant::now();
        let soon = clock_gettime(ClockId::Monotonic) + Timespec::try_from(MOMENT).unwrap();
        let soon = Some(FutexDeadline::Monotonic(soon));
        let error = task.futex_wait_bitset(&word, 3, bits(1), soon, scope).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::TIMEDOUT));
        assert!(start.elapsed() >= MOMENT - Duration::from_micros(500));
        // By the other clock, that of the monotonic one is long over.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let soon = Some(FutexDeadline::Realtime(Timespec::try_from(now + MOMENT).unwrap()));
        let error = task.futex_wait_bitset(&word, 3, bits(1), soon, scope).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::TIMEDOUT));
        assert!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap() >= now + MOMENT);

        let other = AtomicU32::new(1);
        let waiters = [FutexWaiter::new(&word, 3, scope), FutexWaiter::new(&other, 1, scope)];
        let error = task.futex_waitv(&waiters, past()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::TIMEDOUT));
        let error = task.futex_waitv(&waiters, soon).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::TIMEDOUT), "by its own clock");
        other.store(2, Ordering::Relaxed);
        let error = task.futex_waitv(&waiters, None).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
    }
    assert_eq!(task.futex_waitv(&[], None).unwrap_err().errno(), Some(Errno::INVAL));
}

#[test]
fn a_sleep_ends_by_itself() {
    deadline(|| {
        let here = Task::here();
        ends_by_itself(&here);
        ends_by_itself(&here.spawn().unwrap());
    });
}

#[test]
fn only_those_who_named_the_bit_are_woken() {
    deadline(|| {
        let here = Task::here();
        let word = AtomicU32::new(0);
        let slept = while_it_sleeps(
            Some(&word),
            |child| child.futex_wait_bitset(&word, 0, bits(0b0110), None, Private),
            || {
                assert_eq!(here.futex_wake_bitset(&word, 1, bits(0b1001), Private), Ok(0));
                assert_eq!(here.futex_wake_bitset(&word, 1, bits(0b1100), Private), Ok(1));
            },
        );
        assert_eq!(slept, Ok(()));
    });
}

#[test]
fn one_of_many_words_is_woken() {
    deadline(|| {
        let here = Task::here();
        let words: Vec<AtomicU32> = (0..128).map(AtomicU32::new).collect();
        let woken = while_it_sleeps(
            None,
            |child| {
                let waiters: Vec<_> = words
                    .iter()
                    .zip(0..)
                    .map(|(word, value)| FutexWaiter::new(word, value, Private))
                    .collect();
                child.futex_waitv(&waiters, None)
            },
            || assert_eq!(here.futex_wake(&words[77], 1, Private), Ok(1)),
        );
        assert_eq!(woken, Ok(77));
    });
}

fn moves_to_another_word(scope: FutexScope, compare: bool) {
    let here = Task::here();
    let (first, second) = (AtomicU32::new(6), AtomicU32::new(0));
    let slept = while_it_sleeps(
        Some(&first),
        |child| child.futex_wait(&first, 6, None, scope),
        || {
            if compare {
                let error = here.futex_cmp_requeue(&first, 7, 0, &second, 1, scope).unwrap_err();
                assert_eq!(error.errno(), Some(Errno::AGAIN));
                assert_eq!(here.futex_cmp_requeue(&first, 6, 0, &second, u32::MAX, scope), Ok(1));
            } else {
                assert_eq!(here.futex_requeue(&first, 0, &second, 1, scope), Ok(1));
            }
            assert_eq!(here.futex_wake(&first, 1, scope), Ok(0), "it has moved");
            assert_eq!(here.futex_wake(&second, 1, scope), Ok(1));
        },
    );
    assert_eq!(slept, Ok(()));
}

#[test]
fn who_sleeps_is_moved_to_another_word() {
    deadline(|| {
        for scope in [Private, Shared] {
            moves_to_another_word(scope, false);
            moves_to_another_word(scope, true);
        }
    });
}

#[test]
fn a_task_that_is_killed_while_it_sleeps_leaves_nothing_behind() {
    deadline(|| {
        let here = Task::here();
        let word = AtomicU32::new(0);
        let child = here.spawn().unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                let child = child;
                child.futex_wait(&word, 0, None, Private)
            });
            until_it_sleeps_on(&word, pid.as_raw());
            killer.kill().unwrap();
            let error = sleeper.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Hangup);
        });
        assert_eq!(here.futex_wake(&word, 1, Private), Ok(0));
        assert_eq!(word.load(Ordering::Relaxed), 0);
    });
}

/// Another program wakes who sleeps on a word of a file that both have mapped: std's locks would not.
#[test]
fn a_word_of_a_file_is_met_by_another_mapping() {
    #![allow(unsafe_code, reason = "maps a file twice")]
    deadline(|| {
        let here = Task::here();
        let file: File = rustix::fs::memfd_create("word", rustix::fs::MemfdFlags::CLOEXEC)
            .map(Into::into)
            .unwrap();
        file.set_len(4096).unwrap();
        assert!(file.as_raw_fd() > 2);
        let map = || {
            use rustix::mm::{MapFlags, ProtFlags, mmap};
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a fresh mapping of a whole page.
            let page =
                unsafe { mmap(std::ptr::null_mut(), 4096, access, MapFlags::SHARED, &file, 0) };
            // SAFETY: it stays mapped, and its words are atomic.
            unsafe { &*page.unwrap().cast::<AtomicU32>() }
        };
        let (one, two) = (map(), map());
        assert!(!std::ptr::eq(one, two));
        let slept = while_it_sleeps(
            Some(one),
            |child| child.futex_wait(one, 0, None, Shared),
            || {
                assert_eq!(here.futex_wake(two, 1, Private), Ok(0));
                assert_eq!(here.futex_wake(two, 1, Shared), Ok(1));
            },
        );
        assert_eq!(slept, Ok(()));
    });
}
