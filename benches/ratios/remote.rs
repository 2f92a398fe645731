//! Calls on a driven child.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nearfar::prelude::*;

use crate::harness::{Comparison, Pair, Row, Turns, time, time_after, work_for};
use crate::peers::{FutexPeer, Hogs, PinnedTo, SocketPeer, time_spinning};

/// The calling thread.
type Here = Task<HostFds, HostMemory, HostPids, nearfar::interface::Local>;

/// What is read at a time.
const LENGTH: usize = 4096;

/// How many calls are submitted together.
const BATCH: usize = 64;

/// How many children, and peers, are measured one after the other.
const CHILDREN: usize = 15;

/// Compares what is measured with each of several children.
fn with_children(mut measure: impl FnMut() -> Vec<Pair>) -> Comparison {
    let pairs: Vec<Pair> = (0..CHILDREN).flat_map(|_| measure()).collect();
    Comparison::of(&pairs)
}

/// A file in memory, of as many pieces as a batch reads.
fn file(here: &Here) -> Fd<HostFds> {
    let file = here.memfd_create("pages", MemfdFlags::CLOEXEC).expect("there is memory");
    let written = here.pwrite(&file, &[1; LENGTH * BATCH], 0);
    assert_eq!(written.expect("there is memory"), LENGTH * BATCH);
    file
}

fn ask_pid(task: &impl ProcessTask) {
    task.getpid().expect("the child is there");
}

/// How long a child is asked for something before what it does is measured: the kernel needs some time to
/// see that the two of them, awake, use two processors.
const SETTLING: Duration = Duration::from_millis(50);

/// A child on a processor of its own.
fn settled(here: &Here) -> Task<HostFds, HostMemory, HostPids> {
    let child = here.spawn().expect("a child can be made");
    let start = Instant::now();
    while start.elapsed() < SETTLING {
        ask_pid(&child);
    }
    child
}

/// How long it takes to have a child do something so many times, in seconds, when it is awake: what comes before
/// that wakes it, as it has had nothing to do in the other's turn.
fn time_awake(count: u32, what: &mut impl FnMut()) -> f64 {
    what();
    time(count, what)
}

/// Call after call, so that nobody has to be woken who does not go to sleep.
pub(crate) fn awake() -> Vec<Row> {
    let turns = Turns { pairs: 9, per_turn: 1000 };
    let here = Task::here();
    let spawn = || settled(&here);
    let getpid = with_children(|| {
        let child = spawn();
        turns.take_by(
            |count| time_awake(count, &mut || ask_pid(&child)),
            |count| time_awake(count, &mut || ask_pid(&here)),
        )
    });
    let getpid_spinning = with_children(|| {
        let child = spawn();
        turns.take_by(
            |count| time_awake(count, &mut || ask_pid(&child)),
            |count| time_spinning(count, || _ = black_box(rustix::process::getpid())),
        )
    });
    let file = file(&here);
    let mut buffers = [[0; LENGTH], [0; LENGTH]];
    let [near, far] = &mut buffers;
    let read = with_children(|| {
        let child = spawn();
        let mut read_far = || assert_eq!(child.pread(&file, &mut *far, 0).unwrap(), LENGTH);
        let mut read_near = || assert_eq!(here.pread(&file, &mut *near, 0).unwrap(), LENGTH);
        turns.take_by(
            |count| time_awake(count, &mut read_far),
            |count| time_awake(count, &mut read_near),
        )
    });
    let read_spinning = with_children(|| {
        let child = spawn();
        let mut read_far = || assert_eq!(child.pread(&file, &mut *far, 0).unwrap(), LENGTH);
        let mut read_there = || assert_eq!(rustix::io::pread(&file, &mut *near, 0), Ok(LENGTH));
        turns.take_by(
            |count| time_awake(count, &mut read_far),
            |count| time_spinning(count, &mut read_there),
        )
    });
    let trips = with_children(|| {
        let (child, mut peer) = (spawn(), SocketPeer::new());
        turns.take(|| ask_pid(&child), || peer.round_trip())
    });
    let local = "the same call made locally";
    let spins = "a thread that spins on a word until it is asked there for the same call";
    let trip = "a socketpair round trip between two processes, call after call";
    vec![
        Row::times("remote `getpid`, both sides awake", local, 2.0, &getpid),
        Row::times("remote `getpid`, both sides awake", spins, None, &getpid_spinning),
        Row::times("remote read of 4 KiB, both sides awake", local, 1.2, &read),
        Row::times("remote read of 4 KiB, both sides awake", spins, None, &read_spinning),
        Row::times("remote `getpid`, call after call", trip, None, &trips),
    ]
}

/// How long the driver does something else before it makes a call: the child sleeps by then.
const PAUSE: Duration = Duration::from_micros(200);

/// A call on a child that nobody has asked for anything for a while.
pub(crate) fn asleep() -> Vec<Row> {
    let turns = Turns { pairs: 21, per_turn: 5 };
    let here = Task::here();
    let beside = |pause: fn(Duration), peer: &mut dyn FnMut()| {
        let child = here.spawn().expect("a child can be made");
        let pause = || pause(PAUSE);
        turns.take_by(
            |count| time_after(count, pause, || ask_pid(&child)),
            |count| time_after(count, pause, &mut *peer),
        )
    };
    let beside_socket = |pause| {
        with_children(|| {
            let mut peer = SocketPeer::new();
            beside(pause, &mut || peer.round_trip())
        })
    };
    let beside_futexes = |pause| {
        with_children(|| {
            let peer = FutexPeer::new();
            beside(pause, &mut || peer.getpid())
        })
    };
    let trip = "a socketpair round trip between two processes, after the same";
    let futexes = "two sleeps and two wakes on futexes, after the same";
    let [busy, idle] = [work_for, std::thread::sleep];
    let (while_busy, while_idle) = (
        "remote `getpid`, child asleep for 200 µs of other work",
        "remote `getpid`, both asleep for 200 µs",
    );
    vec![
        Row::times(while_busy, trip, 0.5, &beside_socket(busy)),
        Row::times(while_busy, futexes, None, &beside_futexes(busy)),
        Row::times(while_idle, trip, 0.5, &beside_socket(idle)),
        Row::times(while_idle, futexes, None, &beside_futexes(idle)),
    ]
}

/// Calls that do not depend on each other, made together.
pub(crate) fn batch() -> Vec<Row> {
    let turns = Turns { pairs: 7, per_turn: 4 };
    let here = Task::here();
    let file = file(&here);
    let reads = |length: usize| {
        let mut buffers = [(); 2].map(|()| vec![0; length * BATCH]);
        let [near, far] = &mut buffers;
        with_children(|| {
            let child = settled(&here);
            let mut together = || {
                let mut batch = child.batch();
                for (buffer, offset) in far.chunks_mut(length).zip((0..).step_by(length)) {
                    batch.pread(&file, buffer, offset);
                }
                assert!(batch.submit().iter().all(|answer| *answer == Ok(length)));
            };
            let mut one_by_one = || {
                for (buffer, offset) in near.chunks_mut(length).zip((0..).step_by(length)) {
                    assert_eq!(here.pread(&file, buffer, offset), Ok(length));
                }
            };
            turns.take_by(
                |count| time_awake(count, &mut together),
                |count| time_awake(count, &mut one_by_one),
            )
        })
    };
    let (short, long) = (reads(8), reads(LENGTH));
    let local = "64 of them made locally, one by one";
    vec![
        Row::times(
            "64 remote reads of 8 bytes, submitted together, both sides awake",
            local,
            1.2,
            &short,
        ),
        Row::times(
            "64 remote reads of 4 KiB, submitted together, both sides awake",
            local,
            1.2,
            &long,
        ),
    ]
}

/// Where there is no processor to spare for waiting.
pub(crate) fn crowded() -> Vec<Row> {
    let turns = Turns { pairs: 7, per_turn: 50 };
    let here = Task::here();
    let beside = || {
        let futexes = with_children(|| {
            let (child, peer) = (here.spawn().expect("a child can be made"), FutexPeer::new());
            turns.take(|| ask_pid(&child), || peer.getpid())
        });
        let socket = with_children(|| {
            let (child, mut peer) = (here.spawn().expect("a child can be made"), SocketPeer::new());
            turns.take(|| ask_pid(&child), || peer.round_trip())
        });
        [futexes, socket]
    };
    let (work, futexes, socket) = (
        "remote `getpid`",
        "two sleeps and two wakes on futexes, there, too",
        "a socketpair round trip, there, too",
    );
    let rows = |place: &str, [beside_futexes, beside_socket]: [Comparison; 2]| {
        let work = format!("{work}, {place}");
        [
            Row::times(&work, futexes, 1.5, &beside_futexes),
            Row::times(&work, socket, None, &beside_socket),
        ]
    };
    let pinned = {
        let _pinned = PinnedTo::the_first_processor();
        beside()
    };
    let busy = {
        let _hogs = Hogs::on_every_processor();
        beside()
    };
    [rows("all on one processor", pinned), rows("every processor busy", busy)]
        .into_iter()
        .flatten()
        .collect()
}
