//! What a remote call uses of the processors while it blocks.

use std::fs;
use std::time::{Duration, Instant};

use nearfar::prelude::*;
use rustix::time::{ClockId, clock_gettime};

use crate::harness::{Row, Spread, Unit};

/// How long a thread has been on a processor, in µs: `/proc/PID/schedstat`.
fn on_processor(thread: impl std::fmt::Display) -> f64 {
    let told = fs::read_to_string(format!("/proc/{thread}/schedstat")).expect("the thread lives");
    let nanoseconds = told.split_whitespace().next().expect("it has three numbers");
    nanoseconds.parse::<f64>().expect("it is a number") / 1e3
}

/// Waits until a thread sleeps in a call with this number.
fn until_asleep_in(thread: impl std::fmt::Display, number: i64) {
    let (syscall, stat) = (format!("/proc/{thread}/syscall"), format!("/proc/{thread}/stat"));
    let start = format!("{number} ");
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_asleep = || {
        fs::read_to_string(&syscall).is_ok_and(|call| call.starts_with(&start))
            && fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "))
    };
    while !is_asleep() {
        assert!(Instant::now() < deadline, "a blocking call sleeps");
    }
}

/// What both sides use of the processors until they sleep, and in the second after it, in µs.
fn of_a_blocking_read() -> [f64; 2] {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let child = here.spawn().unwrap();
    child.getpid().unwrap();
    let (pid, driver) =
        (child.host_pid().as_raw(), format!("self/task/{}", here.gettid().unwrap().as_raw()));
    until_asleep_in(pid, libc::SYS_futex);
    let child_before = on_processor(pid);
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let observer = scope.spawn(move || {
            let driver_before: f64 = receiver.recv().expect("the driver says it");
            until_asleep_in(pid, libc::SYS_read);
            until_asleep_in(&driver, libc::SYS_futex_waitv);
            let asleep = on_processor(pid) + on_processor(&driver);
            std::thread::sleep(Duration::from_secs(1));
            let awake = on_processor(pid) + on_processor(&driver);
            Task::here().write(&writer, &[1]).unwrap();
            [asleep - child_before - driver_before, awake - asleep]
        });
        let used = clock_gettime(ClockId::ThreadCPUTime);
        sender.send(used.tv_sec as f64 * 1e6 + used.tv_nsec as f64 / 1e3).expect("it listens");
        assert_eq!(child.read(&reader, &mut [0]).unwrap(), 1);
        observer.join().expect("it does not panic")
    })
}

pub(crate) fn measure() -> Vec<Row> {
    let runs: Vec<_> = (0..5).map(|_| of_a_blocking_read()).collect();
    let spread = |which: usize| Spread::of(runs.iter().map(|run| run[which]).collect());
    let [falling, sleeping] = [0, 1].map(spread);
    vec![
        Row::figure(
            "a remote read that blocks: cpu time of both sides until they sleep",
            Unit::Microseconds,
            50.0,
            falling,
        )
        .with_note("with what the driver does to tell the thread that measures"),
        Row::figure(
            "a remote read that blocks: cpu time of both sides in the next second",
            Unit::Microseconds,
            0.0,
            sleeping,
        ),
    ]
}
