//! What a driven child costs in memory and fds.
//!
//! # Safety
//!
//! 1. The range is that of a vector's own memory, which the advice does not change.
#![expect(unsafe_code, reason = "madvise")]

use std::fs;

use nearfar::Dynamic;
use nearfar::prelude::*;

use crate::harness::{Row, Spread, Unit};
use crate::worker::Worker;

/// So many bytes that are there, in pages of 4 KiB.
pub(crate) fn touch(length: usize) -> Vec<u8> {
    const PAGE: usize = 4096;
    let mut bytes: Vec<u8> = Vec::with_capacity(length);
    let start = bytes.as_mut_ptr().wrapping_add(bytes.as_ptr().align_offset(PAGE));
    // SAFETY: (1)
    unsafe { libc::madvise(start.cast(), (length - PAGE) / PAGE * PAGE, libc::MADV_NOHUGEPAGE) };
    bytes.resize(length, 1);
    bytes
}

/// How many KiB and fds this process has more for each child that is alive.
pub(crate) fn per_child(children: usize, with_table: bool) -> [f64; 2] {
    let here = Task::here();
    let spawn = || -> Task<Dynamic, Dynamic, Dynamic> {
        brand!(private_fds);
        let child = here.spawn().expect("a child can be made");
        match with_table {
            true => child.unshare_files(private_fds, ()).expect("it can have a table").0.erase(),
            false => child.erase(),
        }
    };
    // What is there once, however many there are.
    drop(spawn());
    let mut living = Vec::with_capacity(children);
    let before = [resident(), open_fds()];
    living.extend((0..children).map(|_| spawn()));
    let after = [resident(), open_fds()];
    [0, 1].map(|which| (after[which] - before[which]) / children as f64)
}

/// In KiB. `statm` would be off by what each processor has not told yet.
fn resident() -> f64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("procfs is mounted");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).expect("it has a line");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}

fn open_fds() -> f64 {
    fs::read_dir("/proc/self/fd").expect("procfs is mounted").count() as f64
}

pub(crate) fn measure() -> Vec<Row> {
    const CHILDREN: usize = 1000;
    let mut rows = Vec::new();
    for (request, kind) in
        [("plain", "a live child"), ("private", "a live child with a private table")]
    {
        // Each in a process that has had no children before, whose memory would be used again.
        let runs: Vec<_> = (0..3).map(|_| Worker::new().ask(request, CHILDREN)).collect();
        let spread = |which: usize| Spread::of(runs.iter().map(|run| run[which]).collect());
        let (memory, fds) = (
            format!("resident memory of the parent for {kind}"),
            format!("fds of the parent for {kind}"),
        );
        rows.push(
            Row::figure(memory, Unit::Kibibytes, 32.0, spread(0))
                .with_note(format!("with {CHILDREN} alive")),
        );
        rows.push(Row::figure(fds, Unit::Fds, 1.0, spread(1)));
    }
    rows
}
