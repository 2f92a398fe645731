//! At the end of a resource: a clear error, and everything goes on. Each host is a process of its
//! own, as limits and filters are for good.

mod common;

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::mpsc;

use common::{fds, numbers, passes, threads, until, zombies};
use nearfar::prelude::*;
use nearfar::process::Command;
use nearfar::task::RobustList;
use nearfar::{Error, ErrorKind, near};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn limit(resource: Resource, soft: u64) {
    let Rlimit { maximum, .. } = getrlimit(resource);
    setrlimit(resource, Rlimit { current: Some(soft), maximum }).unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_without_room_for_fds() {
    let here = Task::here();
    brand!(private_fds);
    let (private, ()) = here.spawn_with_files(private_fds, ()).unwrap();
    brand!(inner_pids, init_fds);
    let init = here.spawn_with_pids(inner_pids).unwrap();
    let (init, ()) = init.unshare_files(init_fds, ()).unwrap();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let highest = *numbers(std::process::id()).last().unwrap();
    limit(Resource::Nofile, highest as u64 + 4);
    // This one has the limit, too; the private one was there before.
    let child = here.spawn().unwrap();
    let mut fillers = Vec::new();
    while let Ok(filler) = here.dup(&null) {
        fillers.push(filler);
    }

    let error = here.spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("clone3", Some(Errno::MFILE)));
    let error = child.pipe2(PipeFlags::empty()).unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("pipe2", Some(Errno::MFILE)));
    // Its pidfd finds room in the private table, but not in ours.
    let error = private.spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("pidfd_getfd", Some(Errno::MFILE)));
    // Nor is there one by which a child of the init is known.
    let error = init.spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("pidfd_getfd", Some(Errno::MFILE)));

    child.getpid().unwrap();
    private.getpid().unwrap();
    fillers.clear();
    assert_eq!(numbers(private.pid()), [0, 1, 2], "its pidfd is not left there");
    drop(here.spawn().unwrap());
    drop(private.spawn().unwrap());
    assert_eq!(numbers(init.host_pid().as_raw()), [0, 1, 2], "its child's pidfd is not left there");
    common::until("alone", || children(init.host_pid()) == 0);
    // What could not be held on to has ended, and stands in nobody's way.
    let process = init.program(&Program::new("true")).exec().unwrap();
    assert!(process.wait().unwrap().success());
    assert_eq!(zombies(), []);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_joins_without_room_for_fds() {
    let here = Task::here();
    brand!(inner_pids, joined_pids);
    let init = here.spawn_with_pids(inner_pids).unwrap();
    let path = format!("/proc/{}/ns/pid", init.host_pid().as_raw());
    let file = here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
    let child = here.spawn().unwrap();
    let mut fillers = Vec::new();
    limit(Resource::Nofile, *numbers(std::process::id()).last().unwrap() as u64 + 4);
    while let Ok(filler) = here.dup(&file) {
        fillers.push(filler);
    }
    // It cannot be told which one it is.
    let task = child.setns_pid(joined_pids, &file).unwrap();
    fillers.clear();
    // So it may be this one, which a program there could look into.
    let error = task.spawn().unwrap().program(&Program::new("true")).exec().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MemoryExposed);
    drop(init);
}

#[test]
fn joined_without_room_for_fds() {
    passes("host_that_joins_without_room_for_fds");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_ioctl_is_denied() {
    deny(libc::SYS_ioctl, Errno::NOTTY);
    let here = Task::here();
    brand!(inner_pids, joined_pids);
    // Where they live is asked of `/proc`, as on Linux before 6.11.
    let init = here.spawn_with_pids(inner_pids).unwrap();
    assert!(init.verify().unwrap().is_confirmed());
    let pidfd = here.pidfd_open(init.host_pid()).unwrap();
    let joined = here.spawn().unwrap().setns_pid(joined_pids, &pidfd).unwrap();
    assert!(joined.spawn().unwrap().verify().unwrap().is_confirmed());
    let child = init.spawn().unwrap();
    assert!(child.verify().unwrap().is_confirmed());
    drop(child);
    let process = init.program(&Program::new("true")).exec().unwrap();
    assert!(process.wait().unwrap().success());
}

#[test]
fn ioctl_denied() {
    passes("host_whose_ioctl_is_denied");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_ioctl_is_made_up() {
    filter(libc::SYS_ioctl, libc::SECCOMP_RET_ERRNO);
    let here = Task::here();
    brand!(inner_pids);
    // What is at 0 is no namespace, and not theirs to close.
    let init = here.spawn_with_pids(inner_pids).unwrap();
    assert!(init.verify().unwrap().is_confirmed());
    drop(init);
    assert!(numbers(std::process::id()).contains(&0));
}

#[test]
fn ioctl_made_up() {
    passes("host_whose_ioctl_is_made_up");
}

/// How many children a process has.
fn children(pid: near::Pid<HostPids>) -> usize {
    let pid = pid.as_raw();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().count()
}

/// Has the kernel answer `errno` to a syscall of this thread and all it spawns, from now on.
fn deny(number: i64, errno: Errno) {
    filter(number, libc::SECCOMP_RET_ERRNO | errno.raw_os_error() as u32);
}

/// Has the kernel do `action` for a syscall of this thread and all it spawns, from now on.
fn filter(number: i64, action: u32) {
    load_filter(number, None, action);
}

/// As [`filter`]; if a third argument is given, only for calls with that one.
fn load_filter(number: i64, third_argument: Option<u32>, action: u32) {
    // Offsets in `struct seccomp_data`: the number, and the low half of the third argument.
    let (number_at, third_at) = (0, 16 + 2 * 8);
    let allow = step(ANSWER, 0, libc::SECCOMP_RET_ALLOW);
    let mut filter = vec![step(LOAD, 0, number_at), step(IF_EQUAL, 1, number as u32), allow];
    if let Some(argument) = third_argument {
        filter.extend([step(LOAD, 0, third_at), step(IF_EQUAL, 1, argument), allow]);
    }
    filter.push(step(ANSWER, 0, action));
    assert_eq!(install(&mut filter, 0), 0);
}

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;

/// A step of a filter, which passes over so many others if it compares and finds it so.
fn step(code: u32, passed_over: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: passed_over, jf: 0, k }
}

/// What `seccomp` answers.
#[allow(unsafe_code, reason = "seccomp has no safe wrapper")]
fn install(filter: &mut [libc::sock_filter], flags: libc::c_ulong) -> i64 {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    rustix::thread::set_no_new_privs(true).unwrap();
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the program outlives the call.
    unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) }
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_clone3_is_denied() {
    deny(libc::SYS_clone3, Errno::NOMEM);
    let here = Task::here();
    let error = here.spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("clone3", Some(Errno::NOMEM)));
    here.getpid().unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_threads_are_denied() {
    deny(libc::SYS_clone, Errno::AGAIN);
    let error = Task::here().spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("clone", Some(Errno::AGAIN)));
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_calls_are_denied() {
    let here = Task::here();
    let before = here.spawn().unwrap();
    for call in [libc::SYS_lseek, libc::SYS_close_range, libc::SYS_execve] {
        deny(call, Errno::PERM);
    }
    // A filter is inherited: the child of before has none.
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let seek = rustix::fs::SeekFrom::Start(0);
    before.lseek(&null, seek).unwrap();
    let child = here.spawn().unwrap();
    let error = child.lseek(&null, seek).unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("lseek", Some(Errno::PERM)));
    brand!(private_fds);
    let undone = child.try_unshare_files(private_fds, &null).unwrap_err();
    assert_eq!(undone.error.to_string(), "close_range: Operation not permitted (os error 1)");
    // As before, and usable.
    undone.task.fstat(&null).unwrap();
    drop(undone.guard);
    let error = undone.task.program(&Program::new("true")).exec().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("close_range", Some(Errno::PERM)));
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_unshare_fails_half_way() {
    let here = Task::here();
    // What makes the new table is allowed, what closes the gaps in it is not.
    let refuse = libc::SECCOMP_RET_ERRNO | Errno::PERM.raw_os_error() as u32;
    load_filter(libc::SYS_close_range, Some(0), refuse);
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let far = here.fcntl_dupfd_cloexec(&null, 100).unwrap();
    let child = here.spawn().unwrap();
    brand!(private_fds);
    let undone = child.try_unshare_files(private_fds, &far).unwrap_err();
    assert_eq!(undone.error.to_string(), "close_range: Operation not permitted (os error 1)");
    // Between two tables, it is of no brand: nothing is sent to it any more.
    assert_eq!(undone.task.getpid().unwrap_err().kind(), ErrorKind::NotSent);
    let pid = undone.task.pid();
    drop(undone.task);
    assert!(common::is_gone(pid));
    here.fstat(&far).unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_childs_futex_is_denied() {
    // On a thread of its own: the test's has to tell that it has ended.
    let thread = std::thread::spawn(|| {
        deny(libc::SYS_futex, Errno::PERM);
        // The server cannot sleep, so it ends; nothing burns a processor, and nothing hangs.
        let child = Task::here().spawn().unwrap();
        common::until("dead", || common::is_dead(child.pid()));
        let error = child.getpid().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NotSent | ErrorKind::Hangup), "{error}");
    });
    thread.join().unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_childs_prctl_is_denied() {
    let thread = std::thread::spawn(|| {
        deny(libc::SYS_prctl, Errno::PERM);
        // A child that could outlive us does not come to life.
        let child = Task::here().spawn().unwrap();
        common::until("dead", || common::is_dead(child.pid()));
        assert!(child.getpid().is_err());
    });
    thread.join().unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_signal_mask_is_denied() {
    cannot_block_signals(Errno::PERM, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_signal_mask_is_made_up() {
    cannot_block_signals(Errno::NOSYS, libc::SECCOMP_RET_ERRNO);
}

/// A handler of this program would run where there is no thread of this program's.
fn cannot_block_signals(errno: Errno, action: u32) {
    let before = threads();
    let thread = std::thread::spawn(move || {
        filter(libc::SYS_rt_sigprocmask, action);
        let error = Task::here().spawn().unwrap_err();
        assert_eq!((error.call().name(), error.errno()), ("sigprocmask", Some(errno)));
        let error = Command::new("true").status().unwrap_err();
        assert!(error.to_string().starts_with("sigprocmask: "), "{error}");
    });
    thread.join().unwrap();
    until("no thread is left", || threads() == before);
    assert_eq!(zombies(), []);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_clone3_kills_the_thread() {
    let thread = std::thread::spawn(|| {
        filter(libc::SYS_clone3, libc::SECCOMP_RET_KILL_THREAD);
        let error = Task::here().spawn().unwrap_err();
        assert_eq!((error.call().name(), error.kind()), ("clone3", ErrorKind::Hangup));
    });
    thread.join().unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_futex_waitv_is_denied() {
    deny(libc::SYS_futex_waitv, Errno::NOSYS);
    let here = Task::here();
    let child = here.spawn().unwrap();
    assert_eq!(child.getpid().unwrap(), child.pid());
    child.killer().kill().unwrap();
    assert!(child.getpid().is_err());
    let process = here.spawn().unwrap().program(&Program::new("true")).exec().unwrap();
    assert!(process.wait().unwrap().success());
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_clone3_is_made_up() {
    let before = Task::here().spawn().unwrap();
    filter(libc::SYS_clone3, libc::SECCOMP_RET_ERRNO);
    let error = Task::here().spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("clone3", Some(Errno::NOSYS)));
    before.getpid().unwrap();
    assert_eq!(zombies(), []);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_threads_are_made_up() {
    let here = Task::here();
    let before = here.spawn().unwrap();
    filter(libc::SYS_clone, libc::SECCOMP_RET_ERRNO);
    for _ in 0..100 {
        let error = here.spawn().unwrap_err();
        assert_eq!((error.call().name(), error.errno()), ("clone", Some(Errno::NOSYS)));
    }
    // What has a keeper already, or needs none, can still be made.
    before.spawn().unwrap().getpid().unwrap();
    assert!(Command::new("true").status().unwrap().success());
    assert_eq!(zombies(), []);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_fcntl_is_made_up() {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    brand!(private_fds);
    let (private, ()) = here.spawn_with_files(private_fds, ()).unwrap();
    filter(libc::SYS_fcntl, libc::SECCOMP_RET_ERRNO);
    let child = here.spawn().unwrap();
    let is_refused = |error: Error, call| {
        assert_eq!((error.call().name(), error.errno()), (call, Some(Errno::NOSYS)));
    };
    is_refused(here.dup(&null).unwrap_err(), "fcntl");
    is_refused(child.dup(&null).unwrap_err(), "fcntl");
    is_refused(here.file(&null).unwrap_err(), "fcntl");
    // Room for its pidfd.
    is_refused(private.spawn().unwrap_err(), "pidfd_getfd");
    // One has to be copied, to be out of the other's way.
    let other = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let [n, m] = [&null, &other].map(|fd| fd.near().as_raw() as u16);
    let swapped = child.program(&Program::new("true")).fd(n, &other).fd(m, &null).exec();
    // By that call it is asked where it is.
    is_refused(swapped.unwrap_err(), "close_range");
    // What has this number is not theirs to close.
    assert!(numbers(std::process::id()).contains(&0));
    assert_eq!(zombies(), []);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_pipes_are_made_up() {
    let here = Task::here();
    let child = here.spawn().unwrap();
    filter(libc::SYS_pipe2, libc::SECCOMP_RET_ERRNO);
    let other = here.spawn().unwrap();
    for made in [here.pipe2(PipeFlags::empty()), other.pipe2(PipeFlags::empty())] {
        let error = made.unwrap_err();
        assert_eq!((error.call().name(), error.errno()), ("pipe2", Some(Errno::NOSYS)));
    }
    drop(child.pipe2(PipeFlags::empty()).unwrap());
    assert!(numbers(std::process::id()).contains(&0));
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_fds_are_made_up() {
    let here = Task::here();
    brand!(private_fds);
    let (private, ()) = here.spawn_with_files(private_fds, ()).unwrap();
    let null = private.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    for number in [libc::SYS_eventfd2, libc::SYS_pidfd_getfd] {
        filter(number, libc::SECCOMP_RET_ERRNO);
    }
    let child = here.spawn().unwrap();
    let none = EventfdFlags::empty();
    for made in [here.eventfd(0, none), child.eventfd(0, none), here.pidfd_getfd(&private, &null)] {
        assert_eq!(made.unwrap_err().errno(), Some(Errno::NOSYS));
    }
    // Nobody has closed what is there.
    assert!(numbers(std::process::id()).contains(&0));
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_tables_are_left_in_words_only() {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
    let victim = here.openat(Cwd, "/dev/zero", OFlags::RDWR, Mode::empty()).unwrap();
    let unshare = libc::CLOSE_RANGE_UNSHARE;
    for flags in [unshare, unshare | libc::CLOSE_RANGE_CLOEXEC] {
        load_filter(libc::SYS_close_range, Some(flags), libc::SECCOMP_RET_ERRNO);
    }
    let open_before = fds(std::process::id());
    brand!(private_fds);
    let unshared = here.spawn_with_files(private_fds, (&null, &victim)).map(drop);
    let number = victim.near().as_raw() as u16;
    let executed = here.spawn().unwrap().program(&Program::new("true")).fd(number, &null).exec();
    for error in [unshared.unwrap_err(), executed.unwrap_err()] {
        assert_eq!((error.call().name(), error.errno()), ("close_range", Some(Errno::NOSYS)));
    }
    // A program alone gets a table at its birth.
    let null = File::from(null);
    let mut program = Command::new("readlink");
    program.arg(format!("/proc/self/fd/{number}")).fd(number, null);
    assert_eq!(program.output().unwrap().stdout, b"/dev/null\n");
    drop(program);
    let open_after = fds(std::process::id());
    assert_eq!(open_after[&victim.near().as_raw()], Path::new("/dev/zero"));
    for number in 0..=2 {
        assert_eq!(open_after.get(&number), open_before.get(&number));
    }
}

#[test]
fn tables_left_in_words_only() {
    passes("host_whose_tables_are_left_in_words_only");
}

/// As in a container.
#[test]
#[ignore = "a host for the tests below"]
fn host_with_a_filter() {
    filter(libc::SYS_uname, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
    let here = Task::here();
    brand!(private_fds);
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
    let (child, null) = here.spawn_with_files(private_fds, null).unwrap();
    let (pid, open) = (child.pid(), fds(child.pid()));
    assert_eq!(open.keys().copied().collect::<Vec<_>>(), [0, 1, 2, null.near().as_raw()]);
    let readlink = Program::new("readlink").args(["-e", "/proc/self/fd/9"]);
    let process = child.spawn().unwrap().program(&readlink).fd(9, &null).exec().unwrap();
    assert!(process.wait().unwrap().success());
    until("what it was told by is closed", || fds(pid) == open);
}

#[test]
fn with_a_filter() {
    passes("host_with_a_filter");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_robust_lists_are_made_up() {
    filter(libc::SYS_set_robust_list, libc::SECCOMP_RET_ERRNO);
    let child = Task::here().spawn().unwrap();
    let error = child.set_robust_list(&RobustList::new(1)).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOSYS));
}

#[test]
fn robust_lists_made_up() {
    passes("host_whose_robust_lists_are_made_up");
}

#[test]
fn fds_made_up() {
    passes("host_whose_fds_are_made_up");
}

#[test]
fn pipes_made_up() {
    passes("host_whose_pipes_are_made_up");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_answers_are_nothing() {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let to_be_leader = here.spawn().unwrap();
    for number in [
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_setsid,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_statfs,
        libc::SYS_fstatfs,
    ] {
        filter(number, libc::SECCOMP_RET_ERRNO);
    }
    let only_read = ProtFlags::READ;
    load_filter(libc::SYS_mmap, Some(only_read.bits()), libc::SECCOMP_RET_ERRNO);
    let child = here.spawn().unwrap();
    let (no_at, no_statx) = (AtFlags::empty(), StatxFlags::empty());
    let of_both = [
        here.getpid().map(drop),
        child.getpid().map(drop),
        here.gettid().map(drop),
        child.gettid().map(drop),
        child.setsid().map(drop),
        here.fstat(&null).map(drop),
        child.fstat(&null).map(drop),
        here.fstatat(Cwd, "/", no_at).map(drop),
        child.fstatat(Cwd, "/", no_at).map(drop),
        here.statx(Cwd, "/", no_at, no_statx).map(drop),
        child.statx(Cwd, "/", no_at, no_statx).map(drop),
        here.statfs("/").map(drop),
        child.statfs("/").map(drop),
        here.fstatfs(&null).map(drop),
        child.fstatfs(&null).map(drop),
        here.mmap_anonymous(1, only_read).map(drop),
        child.mmap_anonymous(1, only_read).map(drop),
    ];
    for answer in of_both {
        assert_eq!(answer.unwrap_err().errno(), Some(Errno::NOSYS));
    }
    to_be_leader.setsid().unwrap();
    assert_ne!(to_be_leader.fstat(&null).unwrap().st_blksize, 0);
}

#[test]
fn answers_that_are_nothing() {
    passes("host_whose_answers_are_nothing");
}

/// Has a thread that is not filtered give an answer to syscalls of this thread and all it spawns, from now on.
#[allow(unsafe_code, reason = "seccomp has no safe wrapper")]
fn answer_for_the_kernel(numbers: &[i64], answer: i64) {
    const RECEIVE: libc::Ioctl = 0xc050_2100;
    const SEND: libc::Ioctl = 0xc018_2101;
    let (listeners, listener) = mpsc::channel::<OwnedFd>();
    std::thread::spawn(move || {
        let listener = listener.recv().unwrap();
        let listener = listener.as_raw_fd();
        loop {
            // SAFETY: zeroes are a value of a C struct of integers.
            let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
            // SAFETY: it is lent for the call.
            if unsafe { libc::ioctl(listener, RECEIVE, &raw mut asked) } == 0 {
                let mut told =
                    libc::seccomp_notif_resp { id: asked.id, val: answer, error: 0, flags: 0 };
                // SAFETY: it is lent for the call. An error says that who has asked is gone.
                let _gone = unsafe { libc::ioctl(listener, SEND, &raw mut told) };
            }
        }
    });
    let mut filter = vec![step(LOAD, 0, 0)];
    for (index, number) in numbers.iter().enumerate() {
        filter.push(step(IF_EQUAL, (numbers.len() - index) as u8, *number as u32));
    }
    filter.push(step(ANSWER, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(step(ANSWER, 0, libc::SECCOMP_RET_USER_NOTIF));
    let listener = install(&mut filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
    assert!(listener >= 0);
    // SAFETY: the kernel has made it.
    listeners.send(unsafe { OwnedFd::from_raw_fd(listener as i32) }).unwrap();
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_answers_are_too_large() {
    let here = Task::here();
    brand!(watches);
    let inotify = here.inotify_init1(watches, rustix::fs::inotify::CreateFlags::empty()).unwrap();
    let epoll = here.epoll_create1().unwrap();
    let calls = [
        libc::SYS_read,
        libc::SYS_epoll_pwait2,
        libc::SYS_sched_getaffinity,
        libc::SYS_readlinkat,
        libc::SYS_getgroups,
    ];
    answer_for_the_kernel(&calls, 1 << 40);
    let child = here.spawn().unwrap();
    let is_refused = |error: Error, call| {
        assert_eq!((error.call().name(), error.errno()), (call, Some(Errno::NOSYS)));
    };
    let (mut buffer, mut events) = ([0; 256], [EpollEvent::default(); 4]);
    is_refused(here.inotify_read(&inotify, &mut buffer).unwrap_err(), "read");
    is_refused(child.inotify_read(&inotify, &mut buffer).unwrap_err(), "read");
    is_refused(here.epoll_pwait2(&epoll, &mut events, None).unwrap_err(), "epoll_pwait2");
    is_refused(child.epoll_pwait2(&epoll, &mut events, None).unwrap_err(), "epoll_pwait2");
    is_refused(here.sched_getaffinity().unwrap_err(), "sched_getaffinity");
    is_refused(child.sched_getaffinity().unwrap_err(), "sched_getaffinity");
    is_refused(here.readlinkat(Cwd, "/proc/self").unwrap_err(), "readlinkat");
    is_refused(here.getgroups().unwrap_err(), "getgroups");
    is_refused(child.getgroups().unwrap_err(), "getgroups");
    is_refused(here.deny_setgroups(&child).unwrap_err(), "read");
}

#[test]
fn answers_that_are_too_large() {
    passes("host_whose_answers_are_too_large");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_that_keeps_what_it_has_waited_for() {
    let before = threads();
    let wait = || {
        let mut command = Command::new("true");
        command.prepare(|child| {
            child.setpriority(1)?;
            Ok(())
        });
        let mut child = command.spawn().unwrap();
        assert!(child.wait().unwrap().success());
        child
    };
    let children: Vec<_> = (0..10).map(|_| wait()).collect();
    until("no thread is left", || threads() == before);
    drop(children);
}

#[test]
fn who_has_been_waited_for_keeps_no_thread() {
    passes("host_that_keeps_what_it_has_waited_for");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_robust_list_is_denied() {
    let here = Task::here();
    let before = threads();
    deny(libc::SYS_set_robust_list, Errno::PERM);
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids).unwrap();
    for _ in 0..4 {
        brand!(child_memory);
        init.spawn_with_memory(child_memory).map(drop).unwrap_err();
    }
    // They are gone, so that nothing is in its way, and nothing is kept for them.
    assert!(init.program(&Program::new("true")).exec().unwrap().wait().unwrap().success());
    until("no keeper is left", || {
        drop(here.spawn().unwrap());
        threads() == before
    });
}

#[test]
fn robust_list_denied() {
    passes("host_whose_robust_list_is_denied");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_execve_is_made_up() {
    let here = Task::here();
    filter(libc::SYS_execve, libc::SECCOMP_RET_ERRNO);
    let error = here.spawn().unwrap().program(&Program::new("true")).exec().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("execve", Some(Errno::NOSYS)));
    assert_eq!(zombies(), []);
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_numbers_end_early() {
    const END: u64 = 256;
    let here = Task::here();
    limit(Resource::Nofile, END);
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap();
    let last = here.dup_at(&null, END as i32 - 1).unwrap();
    brand!(private_fds);
    let (child, (null, last)) = here.spawn_with_files(private_fds, (null, last)).unwrap();
    let (n, l) = (null.near().as_raw() as u16, last.near().as_raw() as u16);
    let missing = Program::new("/nowhere");
    let undone = child.program(&missing).fd(l, &null).fd(n, &last).try_exec().unwrap_err();
    assert_eq!(undone.error.errno(), Some(Errno::NOENT));
    assert_eq!(numbers(undone.task.pid()), [0, 1, 2, i32::from(n), i32::from(l)]);
    let undone = undone.task.program(&missing).fd(END as u16, &null).try_exec().unwrap_err();
    let error = undone.error;
    assert_eq!((error.call().name(), error.errno()), ("dup3", Some(Errno::BADF)));
    let process = undone.task.program(&Program::new("true")).fd(l, &null).fd(n, &last).exec();
    assert!(process.unwrap().wait().unwrap().success());
}

#[test]
fn no_room_for_fds() {
    passes("host_without_room_for_fds");
}

#[test]
fn clone3_denied() {
    passes("host_whose_clone3_is_denied");
}

#[test]
fn threads_denied() {
    passes("host_whose_threads_are_denied");
}

#[test]
fn calls_denied() {
    passes("host_whose_calls_are_denied");
}

#[test]
fn unshare_half_way() {
    passes("host_whose_unshare_fails_half_way");
}

#[test]
fn futex_denied() {
    passes("host_whose_childs_futex_is_denied");
}

#[test]
fn prctl_denied() {
    passes("host_whose_childs_prctl_is_denied");
}

#[test]
fn signal_mask_denied() {
    passes("host_whose_signal_mask_is_denied");
}

#[test]
fn signal_mask_made_up() {
    passes("host_whose_signal_mask_is_made_up");
}

/// Where its pidfd cannot stay, and cannot go anywhere else, there is no program, either.
#[test]
#[ignore = "a host for the tests below"]
#[allow(unsafe_code, reason = "closes what std has")]
fn host_without_stdin_and_room() {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let (reader, writer) = here.pipe2(PipeFlags::NONBLOCK).unwrap();
    let mut program = Command::new("/bin/sh");
    program.args(["-c", "echo >&7"]).fd(7, writer);
    // SAFETY: nothing here uses it.
    assert_eq!(unsafe { libc::close(0) }, 0);
    // The shell, too, needs a number of its own, of 10 or more, to put what it redirects aside.
    let highest = *numbers(std::process::id()).last().unwrap();
    limit(Resource::Nofile, highest as u64 + 16);
    let mut fillers: Vec<_> = std::iter::from_fn(|| here.dup(&null).ok()).collect();
    let error = program.spawn().unwrap_err();
    assert!(error.to_string().starts_with("fcntl: Too many open files"), "{error}");
    let nothing = here.read(&reader, &mut [0; 1]).unwrap_err();
    assert_eq!(nothing.errno(), Some(Errno::AGAIN));
    drop(fillers.pop());
    assert!(program.status().unwrap().success());
    assert_eq!(here.read(&reader, &mut [0; 1]), Ok(1));
    assert_eq!(zombies(), []);
}

/// Nobody who reads from such a number meanwhile is kept there.
#[test]
#[ignore = "a host for the tests below"]
#[allow(unsafe_code, reason = "closes what std has")]
fn host_whose_stdin_is_closed_and_read() {
    // SAFETY: nothing else here uses it.
    assert_eq!(unsafe { libc::close(0) }, 0);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let mut byte = 0_u8;
                // SAFETY: a local.
                unsafe { libc::read(0, (&raw mut byte).cast(), 1) };
            }
        });
        for _ in 0..50 {
            assert!(Command::new("/bin/true").status().unwrap().success());
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_closed_stdin_keeps_nobody() {
    passes("host_whose_stdin_is_closed_and_read");
}

#[test]
#[ignore = "a host for the tests below"]
fn host_whose_fcntl_is_denied() {
    deny(libc::SYS_fcntl, Errno::PERM);
    assert!(Command::new("/bin/true").status().unwrap().success());
}

#[test]
fn fcntl_denied() {
    passes("host_whose_fcntl_is_denied");
}

/// The next time, the kernel may let it.
#[test]
#[ignore = "a host for the tests below"]
fn host_whose_madvise_is_denied_at_first() {
    let thread = std::thread::spawn(|| {
        deny(libc::SYS_madvise, Errno::AGAIN);
        let error = Task::here().spawn().unwrap_err();
        assert_eq!((error.call().name(), error.errno()), ("madvise", Some(Errno::AGAIN)));
    });
    thread.join().unwrap();
    Task::here().spawn().unwrap().getpid().unwrap();
}

#[test]
fn madvise_denied_at_first() {
    passes("host_whose_madvise_is_denied_at_first");
}

#[test]
fn no_stdin_and_no_room() {
    passes("host_without_stdin_and_room");
}

/// Also the first child needs no more memory than there is, or says so.
#[test]
#[ignore = "a host for the tests below"]
fn host_without_room_for_memory() {
    let size = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = size.split(' ').next().unwrap().parse().unwrap();
    limit(Resource::As, pages * 4096);
    let error = Task::here().spawn().unwrap_err();
    assert_eq!((error.call().name(), error.errno()), ("mmap", Some(Errno::NOMEM)));
}

#[test]
fn no_room_for_memory() {
    passes("host_without_room_for_memory");
}

#[test]
fn clone3_deadly() {
    passes("host_whose_clone3_kills_the_thread");
}

#[test]
fn futex_waitv_denied() {
    passes("host_whose_futex_waitv_is_denied");
}

#[test]
fn clone3_made_up() {
    passes("host_whose_clone3_is_made_up");
}

#[test]
fn threads_made_up() {
    passes("host_whose_threads_are_made_up");
}

#[test]
fn fcntl_made_up() {
    passes("host_whose_fcntl_is_made_up");
}

#[test]
fn execve_made_up() {
    passes("host_whose_execve_is_made_up");
}

#[test]
fn numbers_end_early() {
    passes("host_whose_numbers_end_early");
}
