//! What others do in place of a remote call.
//!
//! # Safety
//!
//! 1. The words live as long as both threads that use them, and the kernel keeps no address after the call.
#![expect(unsafe_code, reason = "futex calls")]

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::harness::time;
use crate::{machine, worker};

/// Another process, which answers over a socketpair.
pub(crate) struct SocketPeer {
    process: Child,
    near: Option<UnixStream>,
}

impl SocketPeer {
    pub(crate) fn new() -> Self {
        let (near, far) = UnixStream::pair().expect("sockets are to be had");
        let itself = std::env::current_exe().expect("/proc is mounted");
        let process = Command::new(itself)
            .arg(worker::ECHO)
            .stdin(Stdio::from(OwnedFd::from(far)))
            .spawn()
            .expect("this program starts");
        let mut peer = SocketPeer { process, near: Some(near) };
        peer.round_trip();
        peer
    }

    pub(crate) fn round_trip(&mut self) {
        let mut near = self.near.as_ref().expect("it is there until it is dropped");
        near.write_all(&[0]).expect("the peer is there");
        near.read_exact(&mut [0]).expect("the peer answers");
    }
}

impl Drop for SocketPeer {
    fn drop(&mut self) {
        drop(self.near.take());
        self.process.wait().expect("it is this process's child");
    }
}

/// The words two threads sleep on.
struct Words {
    bell: AtomicU32,
    request: AtomicU32,
    life: AtomicU32,
    is_over: AtomicBool,
}

/// A thread that makes a syscall when asked through a futex, and sleeps in between: what a remote call
/// costs with as many sleeps, wakes and words as it takes, and nothing else.
pub(crate) struct FutexPeer {
    words: Arc<Words>,
    thread: Option<JoinHandle<()>>,
}

impl FutexPeer {
    pub(crate) fn new() -> Self {
        let [bell, request] = [0, 0].map(AtomicU32::new);
        let (life, is_over) = (AtomicU32::new(1), AtomicBool::new(false));
        let words = Arc::new(Words { bell, request, life, is_over });
        let its = Arc::clone(&words);
        let thread = Some(std::thread::spawn(move || serve(&its)));
        FutexPeer { words, thread }
    }

    pub(crate) fn getpid(&self) {
        let Words { request, life, .. } = &*self.words;
        request.store(1, Ordering::Release);
        self.ring();
        while request.load(Ordering::Acquire) != 0 {
            wait_either(request, life);
        }
    }

    fn ring(&self) {
        self.words.bell.fetch_add(1, Ordering::AcqRel);
        futex(&self.words.bell, libc::FUTEX_WAKE, 1);
    }
}

impl Drop for FutexPeer {
    fn drop(&mut self) {
        self.words.is_over.store(true, Ordering::Release);
        self.ring();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}

fn serve(words: &Words) {
    while !words.is_over.load(Ordering::Acquire) {
        let heard = words.bell.load(Ordering::Acquire);
        if words.request.load(Ordering::Acquire) == 0 {
            futex(&words.bell, libc::FUTEX_WAIT, heard);
            continue;
        }
        // SAFETY: takes nothing.
        unsafe { libc::syscall(libc::SYS_getpid) };
        words.request.store(0, Ordering::Release);
        futex(&words.request, libc::FUTEX_WAKE, 1);
    }
}

fn futex(word: &AtomicU32, operation: i32, value: u32) {
    let (operation, no_limit) = (operation | libc::FUTEX_PRIVATE_FLAG, 0_usize);
    // SAFETY: (1)
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, no_limit) };
}

/// Sleeps while both words are 1, at most a second.
fn wait_either(request: &AtomicU32, life: &AtomicU32) {
    const SIZE_U32: u32 = 2;
    const PRIVATE: u32 = 128;
    // `struct futex_waitv` of `futex2.h`: value, address, and flags with 32 bits of nothing behind them.
    let waiter = |word: &AtomicU32, flags: u32| [1, word.as_ptr() as u64, u64::from(flags)];
    let waiters = [waiter(request, SIZE_U32 | PRIVATE), waiter(life, SIZE_U32)];
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let second = rustix::time::Timespec::try_from(Duration::from_secs(1)).expect("it fits");
    let deadline = now + second;
    // SAFETY: (1)
    unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len(),
            0,
            &raw const deadline,
            libc::CLOCK_MONOTONIC,
        );
    }
}

/// How long it takes a thread that does nothing but look at a word to do something so many times, when it is asked for
/// that there, one by one, in seconds: what a remote call costs of which nothing is left but two words.
pub(crate) fn time_spinning(count: u32, mut answer: impl FnMut() + Send) -> f64 {
    const IDLE: u32 = 0;
    const GREETED: u32 = 1;
    const ASKED: u32 = 2;
    const OVER: u32 = 3;

    /// Also if the thread panics, nobody waits for it.
    struct OverAtLast<'a>(&'a AtomicU32);

    impl Drop for OverAtLast<'_> {
        fn drop(&mut self) {
            self.0.store(OVER, Ordering::Release);
        }
    }

    let word = AtomicU32::new(IDLE);
    let serve = || {
        let over = OverAtLast(&word);
        loop {
            match word.load(Ordering::Acquire) {
                IDLE => {
                    std::hint::spin_loop();
                    continue;
                }
                GREETED => {}
                ASKED => answer(),
                _ => return drop(over),
            }
            word.store(IDLE, Ordering::Release);
        }
    };
    let say = |what| {
        word.store(what, Ordering::Release);
        while !matches!(word.load(Ordering::Acquire), IDLE | OVER) {
            std::hint::spin_loop();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(serve);
        // Until both are on processors of their own.
        (0..1000).for_each(|_| say(GREETED));
        let taken = time(count, &mut || say(ASKED));
        word.store(OVER, Ordering::Release);
        taken
    })
}

/// Threads that do nothing but work, one for each processor.
pub(crate) struct Hogs {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Hogs {
    pub(crate) fn on_every_processor() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let threads = (0..machine::cores()).map(|processor| {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                pin_to(processor);
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        });
        let threads = threads.collect();
        Hogs { is_over, threads }
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("it does not panic");
        }
    }
}

/// The calling thread, and what it starts meanwhile, run on one processor until this is dropped.
pub(crate) struct PinnedTo {
    before: CpuSet,
}

impl PinnedTo {
    pub(crate) fn the_first_processor() -> Self {
        let before = sched_getaffinity(None).expect("a thread may look at itself");
        pin_to(0);
        PinnedTo { before }
    }
}

impl Drop for PinnedTo {
    fn drop(&mut self) {
        sched_setaffinity(None, &self.before).expect("they were allowed before");
    }
}

/// Has the calling thread run on the processor with this index among those it may run on.
fn pin_to(index: usize) {
    let allowed = sched_getaffinity(None).expect("a thread may look at itself");
    let mut processors = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor));
    let mut one = CpuSet::new();
    one.set(processors.nth(index).expect("there are as many"));
    sched_setaffinity(None, &one).expect("it is one of those allowed");
}
