//! Calls on a driven child.

use std::time::Duration;

use nearfar::prelude::*;

use crate::harness::{Comparison, Row, Turns, time, time_after, work_for};
use crate::peers::{FutexPeer, Hogs, SocketPeer, pin_to};

/// What is read at a time.
const LENGTH: usize = 4096;

/// How many calls are submitted together.
const BATCH: usize = 64;

const TURNS: Turns = Turns { pairs: 301, per_turn: 200 };

/// A file in memory, of as many pieces as a batch reads.
fn file(here: &Task<HostFds, HostMemory, HostPids, nearfar::interface::Local>) -> Fd<HostFds> {
    let file = here.memfd_create("pages", MemfdFlags::CLOEXEC).expect("there is memory");
    let written = here.pwrite(&file, &[1; LENGTH * BATCH], 0);
    assert_eq!(written.expect("there is memory"), LENGTH * BATCH);
    file
}

fn ask_pid(task: &impl ProcessTask) {
    task.getpid().expect("the child is there");
}

/// Call after call, so that nobody has to be woken who does not go to sleep.
pub(crate) fn awake() -> Vec<Row> {
    let here = Task::here();
    let child = here.spawn().expect("a child can be made");
    let local = "the same call made locally";
    let getpid = TURNS.compare(|| ask_pid(&child), || ask_pid(&here));
    let file = file(&here);
    let mut buffers = [[0; LENGTH], [0; LENGTH]];
    let [near, far] = &mut buffers;
    let read = TURNS.compare(
        || assert_eq!(child.pread(&file, far, 0).unwrap(), LENGTH),
        || assert_eq!(here.pread(&file, near, 0).unwrap(), LENGTH),
    );
    let mut peer = SocketPeer::new();
    let trips = TURNS.compare(|| ask_pid(&child), || peer.round_trip());
    vec![
        Row::times("remote `getpid`, both sides awake", local, 2.0, &getpid),
        Row::times("remote read of 4 KiB, both sides awake", local, 1.2, &read),
        Row::times(
            "remote `getpid`, call after call",
            "a socketpair round trip between two processes, call after call",
            None,
            &trips,
        ),
    ]
}

/// How long the driver does something else before it makes a call: the child sleeps by then.
const PAUSE: Duration = Duration::from_micros(200);

/// A call on a child that nobody has asked for anything for a while.
pub(crate) fn asleep() -> Vec<Row> {
    let turns = Turns { pairs: 201, per_turn: 10 };
    let here = Task::here();
    let child = here.spawn().expect("a child can be made");
    let mut peer = SocketPeer::new();
    let mut after = |pause: &dyn Fn()| {
        turns.compare_by(
            |count| time_after(count, &pause, &mut || ask_pid(&child)),
            |count| time_after(count, &pause, &mut || peer.round_trip()),
        )
    };
    let busy = after(&|| work_for(PAUSE));
    let idle = after(&|| std::thread::sleep(PAUSE));
    let trip = "a socketpair round trip between two processes, after the same";
    vec![
        Row::times("remote `getpid`, child asleep, after 200 µs of other work", trip, 0.5, &busy),
        Row::times("remote `getpid`, child asleep, after 200 µs of sleep", trip, 0.5, &idle),
    ]
}

/// Makes 64 calls on a task that do not depend on each other: one by one, as there is no way to submit them
/// together.
fn submit<K: far::Task>(task: &K, call: impl Fn(&K, usize)) {
    (0..BATCH).for_each(|index| call(task, index));
}

/// Calls that do not depend on each other.
pub(crate) fn batch() -> Vec<Row> {
    let turns = Turns { pairs: 201, per_turn: 4 };
    let here = Task::here();
    let child = here.spawn().expect("a child can be made");
    let getpids = turns.compare(
        || submit(&child, |child, _| ask_pid(child)),
        || submit(&here, |here, _| ask_pid(here)),
    );
    let file = file(&here);
    let at = |index: usize| (index * LENGTH) as u64;
    let reads = turns.compare(
        || {
            submit(&child, |child, index| {
                let length = child.pread(&file, &mut [0; LENGTH], at(index)).unwrap();
                assert_eq!(length, LENGTH);
            })
        },
        || {
            submit(&here, |here, index| {
                let length = here.pread(&file, &mut [0; LENGTH], at(index)).unwrap();
                assert_eq!(length, LENGTH);
            })
        },
    );
    let local = "64 of them made locally";
    vec![
        Row::times("64 remote `getpid`, one by one", local, 1.2, &getpids),
        Row::times("64 remote reads of 4 KiB, one by one", local, 1.2, &reads),
    ]
}

/// Where there is no processor to spare for waiting.
pub(crate) fn crowded() -> Vec<Row> {
    let measure = |turns: Turns, is_pinned: bool| {
        // On a thread of its own, as what is pinned stays so.
        let measure = || {
            if is_pinned {
                pin_to(0);
            }
            let here = Task::here();
            let child = here.spawn().expect("a child can be made");
            let (futexes, mut socket) = (FutexPeer::new(), SocketPeer::new());
            let mut call = || ask_pid(&child);
            let compare = |call: &mut dyn FnMut(), peer: &mut dyn FnMut()| -> Comparison {
                turns.compare_by(
                    |count| time(count, &mut &mut *call),
                    |count| time(count, &mut &mut *peer),
                )
            };
            [
                compare(&mut call, &mut || futexes.getpid()),
                compare(&mut call, &mut || socket.round_trip()),
            ]
        };
        std::thread::scope(|scope| scope.spawn(measure).join().expect("it does not panic"))
    };
    let [pinned, pinned_socket] = measure(Turns { pairs: 101, per_turn: 100 }, true);
    let hogs = Hogs::on_every_processor();
    let [busy, busy_socket] = measure(Turns { pairs: 61, per_turn: 20 }, false);
    drop(hogs);
    let (futexes, socket) =
        ("two sleeps and two wakes on futexes, there, too", "a socketpair round trip, there, too");
    let (one, all) =
        ("remote `getpid`, all on one processor", "remote `getpid`, every processor busy");
    vec![
        Row::times(one, futexes, 1.5, &pinned),
        Row::times(one, socket, None, &pinned_socket),
        Row::times(all, futexes, 1.5, &busy),
        Row::times(all, socket, None, &busy_socket),
    ]
}
