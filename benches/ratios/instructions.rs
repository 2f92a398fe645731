//! Calls on the calling thread, in instructions.
//!
//! # Safety
//!
//! 1. Nothing else in this program has the exported names.
#![expect(unsafe_code, reason = "names by which callgrind knows the functions")]

use std::fs::{self, File};
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use nearfar::Dynamic;
use nearfar::interface::Local;
use nearfar::prelude::*;
use rustix::fs::CWD;

use crate::harness::{Row, Spread, Unit};
use crate::{machine, worker};

type Branded = Task<HostFds, HostMemory, HostPids, Local>;
type Checked = Task<Dynamic, Dynamic, Dynamic, Local>;

/// How often each call is made.
const TIMES: u32 = 1000;

/// What the calls are made with.
struct Arguments {
    branded: (Fd<HostFds>, Branded),
    dynamic: (Fd<Dynamic>, Checked),
    rustix: (OwnedFd, ()),
    buffer: [u8; 16],
}

/// A function that makes a call, by the name of its kind.
type Counted = (&'static str, fn(&mut Arguments));

macro_rules! calls {
    ($($name:ident($task:ident, $fd:ident, $buffer:ident) { $($kind:ident $call:block)+ })+) => {
        $(mod $name {
            use super::*;

            $(calls!(one $name $kind ($task, $fd, $buffer) $call);)+
        })+

        /// Every call, and who makes it.
        const CALLS: &[(&str, &[Counted])] =
            &[$((stringify!($name), &[$((stringify!($kind), $name::$kind as fn(&mut Arguments))),+])),+];
    };
    (fd of branded) => { Fd<HostFds> };
    (fd of dynamic) => { Fd<Dynamic> };
    (fd of rustix) => { OwnedFd };
    (task of branded) => { Branded };
    (task of dynamic) => { Checked };
    (task of rustix) => { () };
    (one $name:ident $kind:ident ($task:ident, $fd:ident, $buffer:ident) $call:block) => {
        // SAFETY: (1)
        #[unsafe(export_name = concat!("counted_", stringify!($kind), "_", stringify!($name)))]
        #[inline(never)]
        pub(super) fn $kind(arguments: &mut Arguments) {
            #[inline(never)]
            #[allow(unused_variables, reason = "not every call takes everything")]
            fn call($fd: &calls!(fd of $kind), $buffer: &mut [u8], $task: &mut calls!(task of $kind)) -> usize $call
            // So that no two of these are the same, and become one.
            black_box(concat!(stringify!($kind), stringify!($name)));
            let Arguments { $kind: (fd, task), buffer, .. } = arguments;
            for _ in 0..TIMES {
                black_box(call(black_box(fd), black_box(buffer), black_box(task)));
            }
        }
    };
}

calls! {
    getpid(task, fd, buffer) {
        branded { task.getpid().map_or(0, |pid| pid.as_raw() as usize) }
        dynamic { task.getpid().map_or(0, |pid| pid.as_raw() as usize) }
        rustix { rustix::process::getpid().as_raw_nonzero().get() as usize }
    }
    getpgrp(task, fd, buffer) {
        branded { task.getpgrp().ok().flatten().map_or(0, |group| group.as_raw() as usize) }
        dynamic { task.getpgrp().ok().flatten().map_or(0, |group| group.as_raw() as usize) }
        rustix { rustix::process::getpgid(None).map_or(0, |group| group.as_raw_nonzero().get() as usize) }
    }
    read(task, fd, buffer) {
        branded { task.read(fd, buffer).unwrap_or(0) }
        rustix { rustix::io::read(fd, buffer).unwrap_or(0) }
    }
    write(task, fd, buffer) {
        branded { task.write(fd, &*buffer).unwrap_or(0) }
        rustix { rustix::io::write(fd, buffer).unwrap_or(0) }
    }
    pread(task, fd, buffer) {
        branded { task.pread(fd, buffer, 0).unwrap_or(0) }
        rustix { rustix::io::pread(fd, buffer, 0).unwrap_or(0) }
    }
    pwrite(task, fd, buffer) {
        branded { task.pwrite(fd, &*buffer, 0).unwrap_or(0) }
        rustix { rustix::io::pwrite(fd, buffer, 0).unwrap_or(0) }
    }
    lseek(task, fd, buffer) {
        branded { task.lseek(fd, SeekFrom::Start(0)).map_or(1, |at| at as usize) }
        dynamic { task.lseek(fd, SeekFrom::Start(0)).map_or(1, |at| at as usize) }
        rustix { rustix::fs::seek(fd, SeekFrom::Start(0)).map_or(1, |at| at as usize) }
    }
    fstat(task, fd, buffer) {
        branded { task.fstat(fd).map_or(0, |stat| stat.st_ino as usize) }
        dynamic { task.fstat(fd).map_or(0, |stat| stat.st_ino as usize) }
        rustix { rustix::fs::fstat(fd).map_or(0, |stat| stat.st_ino as usize) }
    }
    fstatfs(task, fd, buffer) {
        branded { task.fstatfs(fd).map_or(0, |told| told.f_bsize as usize) }
        dynamic { task.fstatfs(fd).map_or(0, |told| told.f_bsize as usize) }
        rustix { rustix::fs::fstatfs(fd).map_or(0, |told| told.f_bsize as usize) }
    }
    gettid(task, fd, buffer) {
        branded { task.gettid().map_or(0, |thread| thread.as_raw() as usize) }
        dynamic { task.gettid().map_or(0, |thread| thread.as_raw() as usize) }
        rustix { rustix::thread::gettid().as_raw_nonzero().get() as usize }
    }
    dup(task, fd, buffer) {
        branded { task.dup(fd).map_or(0, |_fd| 1) }
        dynamic { task.dup(fd).map_or(0, |_fd| 1) }
        rustix { rustix::io::fcntl_dupfd_cloexec(fd, 3).map_or(0, |_fd| 1) }
    }
    fcntl_getfl(task, fd, buffer) {
        branded { task.fcntl_getfl(fd).map_or(0, |flags| flags.bits() as usize) }
        dynamic { task.fcntl_getfl(fd).map_or(0, |flags| flags.bits() as usize) }
        rustix { rustix::fs::fcntl_getfl(fd).map_or(0, |flags| flags.bits() as usize) }
    }
    ftruncate(task, fd, buffer) {
        branded { task.ftruncate(fd, 1).map_or(0, |()| 1) }
        dynamic { task.ftruncate(fd, 1).map_or(0, |()| 1) }
        rustix { rustix::fs::ftruncate(fd, 1).map_or(0, |()| 1) }
    }
    statx(task, fd, buffer) {
        branded { task.statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE).map_or(0, |told| told.stx_ino as usize) }
        dynamic { task.statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE).map_or(0, |told| told.stx_ino as usize) }
        rustix { rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::TYPE).map_or(0, |told| told.stx_ino as usize) }
    }
    openat(task, fd, buffer) {
        branded { task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).map_or(0, |_fd| 1) }
        dynamic { task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).map_or(0, |_fd| 1) }
        rustix { rustix::fs::openat(CWD, "/dev/null", OFlags::CLOEXEC, Mode::empty()).map_or(0, |_fd| 1) }
    }
    pipe2(task, fd, buffer) {
        branded { task.pipe2(PipeFlags::empty()).map_or(0, |_ends| 1) }
        dynamic { task.pipe2(PipeFlags::empty()).map_or(0, |_ends| 1) }
        rustix { rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_or(0, |_ends| 1) }
    }
    // A slice is a buffer of a dynamic task only while that is pinned.
    pinned_read(task, fd, buffer) {
        branded { task.read(fd, buffer).unwrap_or(0) }
        dynamic {
            let read = task.pin_in_host_memory(|task| Some(task.read(fd.rebrand_ref(task).ok()?, buffer)));
            read.ok().flatten().map_or(0, |read| read.unwrap_or(0))
        }
    }
}

/// Makes every call, for callgrind to count.
pub(crate) fn run_all() {
    let zero = || {
        OwnedFd::from(
            File::options().read(true).write(true).open("/dev/zero").expect("it is there"),
        )
    };
    let mut arguments = Arguments {
        branded: (zero().into(), Task::here()),
        dynamic: (Fd::from(zero()).erase(), Task::here().erase()),
        rustix: (zero(), ()),
        buffer: [0; 16],
    };
    for (_, kinds) in CALLS {
        kinds.iter().for_each(|(_, call)| call(&mut arguments));
    }
}

/// What a function has cost with everything it called, in a file of callgrind's, which may tell of it in several
/// places.
fn inclusive(profile: &str, function: &str) -> Option<u64> {
    let mut is_its = false;
    // Lines that are costs have a position and a number; those after `calls=` are what the calls cost.
    let costs = profile.lines().filter_map(|line| {
        if let Some(name) = line.strip_prefix("fn=") {
            is_its = name == function;
        }
        let is_cost =
            line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first));
        if is_its && is_cost { line.split_whitespace().nth(1)?.parse::<u64>().ok() } else { None }
    });
    Some(costs.sum()).filter(|cost| *cost > 0)
}

/// Runs this program under callgrind.
fn profile() -> Result<String, String> {
    if !machine::has("valgrind") {
        return Err("valgrind is not installed".into());
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ratios.callgrind");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(std::env::current_exe().expect("/proc is mounted"))
        .arg(worker::COUNT)
        .output()
        .map_err(|error| error.to_string())?;
    if !run.status.success() {
        return Err(format!("valgrind: {}", run.status));
    }
    fs::read_to_string(&file).map_err(|error| error.to_string())
}

/// What a call costs by each that makes it.
struct Cost {
    call: &'static str,
    by: Vec<(&'static str, f64)>,
}

impl Cost {
    /// What it costs by one, and by the other, if both make it.
    fn of(&self, one: &str, other: &str) -> Option<[f64; 2]> {
        let by = |kind| Some(self.by.iter().find(|(name, _)| *name == kind)?.1);
        Some([by(one)?, by(other)?])
    }
}

/// The row of the call for which one costs the most more than the other.
fn worst(
    work: &str,
    against: &str,
    most: impl Into<Option<f64>>,
    costs: &[(&str, [f64; 2])],
) -> Row {
    let more = costs.iter().map(|(_, [one, other])| (one - other).round());
    let each = costs.iter().map(|(call, [one, other])| format!("`{call}` {one:.0} and {other:.0}"));
    Row {
        work: work.into(),
        against: against.into(),
        unit: Unit::Instructions,
        most: most.into(),
        figure: Ok(Spread::exact(more.fold(f64::NEG_INFINITY, f64::max))),
        note: each.collect::<Vec<_>>().join(", "),
    }
}

pub(crate) fn measure() -> Vec<Row> {
    let (branded, dynamic) = ("a branded local call, the worst", "a dynamic local call, the worst");
    let (rustix, itself) = ("the same call of rustix", "the same call, branded");
    let not_measured = |why: &str| {
        vec![
            Row::not_measured(branded, rustix, Unit::Instructions, 0.0, why),
            Row::not_measured(dynamic, itself, Unit::Instructions, 6.0, why),
        ]
    };
    let profile = match profile() {
        Ok(profile) => profile,
        Err(why) => return not_measured(&why),
    };
    let cost = |kind, call| {
        let instructions = inclusive(&profile, &format!("counted_{kind}_{call}"));
        Some((kind, instructions? as f64 / f64::from(TIMES)))
    };
    let costs = CALLS.iter().map(|&(call, kinds)| {
        let by: Option<Vec<_>> = kinds.iter().map(|&(kind, _)| cost(kind, call)).collect();
        Some(Cost { call, by: by? })
    });
    let Some(costs) = costs.collect::<Option<Vec<Cost>>>() else {
        return not_measured("callgrind does not name every call");
    };
    let between = |one, other, pinned: bool| -> Vec<_> {
        let costs = costs.iter().filter(|cost| cost.call.starts_with("pinned") == pinned);
        costs.filter_map(|cost| Some((cost.call, cost.of(one, other)?))).collect()
    };
    vec![
        worst(branded, rustix, 0.0, &between("branded", "rustix", false)),
        worst(dynamic, itself, 6.0, &between("dynamic", "branded", false)),
        worst(
            "pinning a dynamic task for one read",
            "a branded read",
            None,
            &between("dynamic", "branded", true),
        ),
    ]
}
