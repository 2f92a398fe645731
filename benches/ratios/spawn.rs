//! Starting a program and waiting for its end.
//!
//! # Safety
//!
//! 1. Strings, lists and out-parameters outlive the call. Nobody changes the environment meanwhile.
//! 2. Between fork and exec, the child makes syscalls alone.
#![expect(unsafe_code, reason = "fork and posix_spawn, to compare with")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::ptr;
use std::sync::OnceLock;

use nearfar::prelude::*;

use crate::harness::{Comparison, Row, Spent, Turns};
use crate::worker::Worker;
use crate::{harness, machine};

const PROGRAM: &CStr = c"/bin/true";

/// A way to start a program with three fds at 0, 1 and 2.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Nearfar,
    NearfarCommand,
    Std,
    PosixSpawn,
    Vfork,
    Fork,
}

impl Way {
    const ALL: [Way; 6] =
        [Way::Nearfar, Way::NearfarCommand, Way::Std, Way::PosixSpawn, Way::Vfork, Way::Fork];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Way::Nearfar => "nearfar",
            Way::NearfarCommand => "nearfar::Command",
            Way::Std => "std::process::Command",
            Way::PosixSpawn => "posix_spawn",
            Way::Vfork => "vfork-and-execve",
            Way::Fork => "fork-and-execve",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Way::Nearfar => WORK,
            Way::NearfarCommand => "the same by `nearfar::Command`",
            Way::Std => "`std::process::Command`",
            Way::PosixSpawn => "`posix_spawn`",
            Way::Vfork => "`CLONE_VFORK`, `dup2` and `execve`, and nothing else",
            Way::Fork => "`fork` and `execve`",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Way> {
        Way::ALL.into_iter().find(|way| way.name() == name)
    }
}

/// What the program gets as 0, 1 and 2: the lowest numbers, as long as nothing else has been opened.
pub(crate) fn fds() -> &'static [File; 3] {
    static FDS: OnceLock<[File; 3]> = OnceLock::new();
    FDS.get_or_init(|| {
        [(); 3].map(|()| {
            File::options().read(true).write(true).open("/dev/null").expect("it is there")
        })
    })
}

/// How long it takes to start, and wait for, so many programs one after the other, in seconds.
fn time(way: Way, count: u32) -> f64 {
    harness::time(count, &mut || once(way))
}

/// What it takes.
pub(crate) fn spend(way: Way, count: u32) -> Spent {
    machine::spend(|| (0..count).for_each(|_| once(way)))
}

fn once(way: Way) {
    match way {
        Way::Nearfar => by_nearfar(),
        Way::NearfarCommand => by_command(),
        Way::Std => by_std(),
        Way::PosixSpawn => by_posix_spawn(),
        Way::Vfork => by_vfork(),
        Way::Fork => by_fork(),
    }
}

fn by_nearfar() {
    let here = Task::here();
    let [stdin, stdout, stderr] = fds();
    brand!(private_fds);
    let keep = (stdin, stdout, stderr);
    let (child, (stdin, stdout, stderr)) = here.spawn_with_files(private_fds, keep).unwrap();
    let program = Program::new("/bin/true");
    let exec = child.program(&program).fd(0, &stdin).fd(1, &stdout).fd(2, &stderr);
    assert!(exec.exec().unwrap().wait().unwrap().success());
}

fn by_command() {
    let copy = |file: &File| OwnedFd::from(file.try_clone().unwrap());
    let [stdin, stdout, stderr] = fds();
    let mut command = nearfar::Command::new("/bin/true");
    command.stdin(copy(stdin)).stdout(copy(stdout)).stderr(copy(stderr));
    assert!(command.status().unwrap().success());
}

fn by_std() {
    let copy = |file: &File| Stdio::from(file.try_clone().unwrap());
    let [stdin, stdout, stderr] = fds();
    let mut command = Command::new("/bin/true");
    command.stdin(copy(stdin)).stdout(copy(stdout)).stderr(copy(stderr));
    assert!(command.status().unwrap().success());
}

unsafe extern "C" {
    static environ: *const *mut c_char;
}

fn by_posix_spawn() {
    let mut actions = MaybeUninit::uninit();
    let actions = actions.as_mut_ptr();
    // SAFETY: (1)
    assert_eq!(unsafe { libc::posix_spawn_file_actions_init(actions) }, 0);
    for (number, file) in fds().iter().enumerate() {
        // SAFETY: (1)
        let added = unsafe {
            libc::posix_spawn_file_actions_adddup2(actions, file.as_raw_fd(), number as c_int)
        };
        assert_eq!(added, 0);
    }
    let argv = [PROGRAM.as_ptr().cast_mut(), ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: (1)
    let environment = unsafe { environ };
    // SAFETY: (1)
    let spawned = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            PROGRAM.as_ptr(),
            actions,
            ptr::null(),
            argv.as_ptr(),
            environment,
        )
    };
    // SAFETY: (1)
    unsafe { libc::posix_spawn_file_actions_destroy(actions) };
    assert_eq!(spawned, 0);
    wait(pid);
}

fn by_vfork() {
    #[repr(align(16))]
    struct Stack([MaybeUninit<u8>; 16 << 10]);
    let mut stack = Stack([MaybeUninit::uninit(); 16 << 10]);
    let top = stack.0.as_mut_ptr_range().end.cast();
    // Opened before, as the child opens none.
    fds();
    // SAFETY: (2); the caller goes on when the child has left this memory.
    let pid = unsafe {
        libc::clone(
            become_program,
            top,
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            ptr::null_mut(),
        )
    };
    assert!(pid > 0);
    wait(pid);
}

fn by_fork() {
    // SAFETY: (2)
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        become_program(ptr::null_mut());
    }
    assert!(pid > 0);
    wait(pid);
}

/// What the child does.
extern "C" fn become_program(_: *mut c_void) -> c_int {
    let argv = [PROGRAM.as_ptr(), ptr::null()];
    for (number, from) in fds().iter().enumerate() {
        // SAFETY: (2)
        unsafe { libc::dup2(from.as_raw_fd(), number as c_int) };
    }
    // SAFETY: (1), (2)
    unsafe { libc::execve(PROGRAM.as_ptr(), argv.as_ptr(), environ.cast()) };
    // SAFETY: (2)
    unsafe { libc::_exit(127) };
}

fn wait(pid: c_int) {
    let mut status = -1;
    // SAFETY: (1)
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((waited, status), (pid, 0));
}

const WORK: &str = "spawn `/bin/true`: private table, three fds, wait";

/// Beside others, and from parents of any size.
pub(crate) fn measure() -> Vec<Row> {
    const MIB: usize = 1 << 20;
    let turns = Turns { pairs: 101, per_turn: 5 };
    let beside_std =
        turns.take_spent(|count| spend(Way::Nearfar, count), |count| spend(Way::Std, count));
    let [std, std_cpu] = beside_std.map(|pairs| Comparison::of(&pairs));
    let commands =
        turns.compare_by(|count| time(Way::NearfarCommand, count), |count| time(Way::Std, count));
    let stds = turns.compare_by(|count| time(Way::Std, count), |count| time(Way::Vfork, count));
    let beside =
        |way| turns.compare_by(|count| time(Way::Nearfar, count), |count| time(way, count));
    let mut rows = vec![
        Row::times(WORK, "`std::process::Command` doing the same", 0.95, &std),
        Row::times(format!("{WORK}: cpu time"), Way::Std.words(), None, &std_cpu),
        Row::times(Way::NearfarCommand.words(), Way::Std.words(), 0.95, &commands),
        Row::times(Way::Std.words(), Way::Vfork.words(), None, &stds),
        Row::times(WORK, Way::PosixSpawn.words(), None, &beside(Way::PosixSpawn)),
        Row::times(WORK, Way::Fork.words(), None, &beside(Way::Fork)),
    ];

    let (small_size, large_size) = (10, largest_parent());
    let sizes = match large_size {
        mebibytes if mebibytes >= 1024 => format!("{} GiB", mebibytes / 1024),
        mebibytes => format!("{mebibytes} MiB"),
    };
    let ways = [Way::Nearfar, Way::Std, Way::PosixSpawn, Way::Fork];
    let mut pairs = ways.map(|_| Vec::new());
    for _ in 0..3 {
        let [mut small, mut large] = [small_size, large_size].map(|size| {
            let mut worker = Worker::new();
            worker.ask("touch", size * MIB);
            worker
        });
        for (way, pairs) in ways.into_iter().zip(&mut pairs) {
            let turns = match way {
                Way::Fork => Turns { pairs: 3, per_turn: 1 },
                _ => Turns { pairs: 41, per_turn: 5 },
            };
            pairs.extend(turns.take_by(
                |count| large.spawn(way, count).wall,
                |count| small.spawn(way, count).wall,
            ));
        }
    }
    let itself = format!("itself, parent of {small_size} MiB");
    rows.extend(ways.into_iter().zip(&pairs).map(|(way, pairs)| {
        let most = matches!(way, Way::Nearfar).then_some(1.05);
        let work = format!("{}, parent of {sizes}", way.words());
        Row::times(work, &itself, most, &Comparison::of(pairs))
    }));
    rows
}

/// In MiB: 4 GiB, or as much as leaves others half of what there is.
fn largest_parent() -> usize {
    let half = machine::available_memory() / 2 / (1 << 20);
    (4096 >> (0..8).find(|shift| 4096_u64 >> shift <= half).unwrap_or(8)) as usize
}

const THREADS: u32 = 8;
const LIVING: usize = 1000;

/// From several threads at once, and beside many other children.
pub(crate) fn many() -> Vec<Row> {
    let turns = Turns { pairs: 41, per_turn: 10 };
    let at_once = |way| {
        let all = |count| {
            let all = machine::spend(|| {
                std::thread::scope(|scope| {
                    (0..THREADS).for_each(|_| drop(scope.spawn(move || time(way, count))));
                });
            });
            let each = |spent| spent / f64::from(THREADS);
            Spent { wall: each(all.wall), cpu: each(all.cpu) }
        };
        let alone = |count| {
            let alone = spend(way, count);
            Spent { wall: alone.wall / machine::cores() as f64, ..alone }
        };
        turns.take_spent(all, alone).map(|pairs| Comparison::of(&pairs))
    };
    let work = format!("{WORK}, {THREADS} threads at once");
    let optimum = format!("it alone, divided by the {} cores", machine::cores());
    let ([ours, our_cpu], [stds, _]) = (at_once(Way::Nearfar), at_once(Way::Std));

    let turns = Turns { pairs: 41, per_turn: 5 };
    let mut beside = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        let (mut with, mut without) = (Worker::new(), Worker::new());
        with.ask("live", LIVING);
        let spent = turns.take_spent(
            |count| with.spawn(Way::Nearfar, count),
            |count| without.spawn(Way::Nearfar, count),
        );
        beside.iter_mut().zip(spent).for_each(|(all, pairs)| all.extend(pairs));
    }
    let [beside, beside_cpu] = beside.map(|pairs| Comparison::of(&pairs));
    let living = format!("{WORK}, {LIVING} others alive");
    vec![
        Row::times(&work, &optimum, 1.3, &ours),
        Row::times(format!("{work}: cpu time"), "it alone", None, &our_cpu),
        Row::times(format!("{}, the same way", Way::Std.words()), &optimum, None, &stds),
        Row::times(&living, "itself without them", 1.05, &beside),
        Row::times(format!("{living}: cpu time"), "itself without them", None, &beside_cpu),
    ]
}
