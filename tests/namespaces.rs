//! Namespaces that change no brand: made and joined by the child or thread alone.

#![allow(unsafe_code, reason = "asks a child for its death signal")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{ptr, thread};

use common::{
    another_host, deadline, duplicate, in_a_forked_copy, is_dead, map_root, namespace,
    own_namespace, passes, until,
};
use nearfar::interface::{Call, SyscallInterface};
use nearfar::prelude::*;
use nearfar::{Error, far};
use rustix::process::{DumpableBehavior, dumpable_behavior, geteuid};

type Child = Task<HostFds, HostMemory, HostPids>;

const KINDS: [(&str, Namespaces); 6] = [
    ("user", Namespaces::USER),
    ("mnt", Namespaces::MOUNT),
    ("net", Namespaces::NET),
    ("uts", Namespaces::UTS),
    ("ipc", Namespaces::IPC),
    ("cgroup", Namespaces::CGROUP),
];

/// Those, and the kinds that nothing here may change.
const ALL: [&str; 10] = [
    "user",
    "mnt",
    "net",
    "uts",
    "ipc",
    "cgroup",
    "pid",
    "pid_for_children",
    "time",
    "time_for_children",
];

fn me() -> u32 {
    std::process::id()
}

fn every_kind() -> Namespaces {
    KINDS.iter().fold(Namespaces::empty(), |kinds, (_, kind)| kinds | *kind)
}

fn of_process(pid: impl common::ToPid) -> BTreeMap<&'static str, PathBuf> {
    ALL.map(|kind| (kind, namespace(pid, kind))).into()
}

fn of_this_thread() -> BTreeMap<&'static str, PathBuf> {
    ALL.map(|kind| (kind, own_namespace(kind))).into()
}

/// The kinds in which two differ.
fn changed(
    a: &BTreeMap<&'static str, PathBuf>,
    b: &BTreeMap<&'static str, PathBuf>,
) -> Vec<&'static str> {
    ALL.into_iter().filter(|kind| a[kind] != b[kind]).collect()
}

fn open(
    task: &impl far::Task<FdTable = HostFds>,
    pid: impl common::ToPid,
    kind: &str,
) -> Fd<HostFds> {
    let path = format!("/proc/{}/ns/{kind}", pid.to_pid());
    task.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap()
}

fn setns<K: far::Task<FdTable = HostFds>>(
    task: &K,
    kind: &str,
    fd: &Fd<HostFds>,
) -> Result<(), Error> {
    match kind {
        "user" => task.setns_user(fd),
        "mnt" => task.setns_mount(fd),
        "net" => task.setns_net(fd),
        "uts" => task.setns_uts(fd),
        "ipc" => task.setns_ipc(fd),
        "cgroup" => task.setns_cgroup(fd),
        _ => unreachable!("one of the six"),
    }
}

/// The signal that a child gets at the end of its keeper.
fn death_signal(child: &Child) -> i32 {
    let mut signal = 0_i32;
    let arguments = [libc::PR_GET_PDEATHSIG as usize, (&raw mut signal).expose_provenance()];
    // SAFETY: writes an int, which is there for the call, in the memory that the child shares.
    unsafe { child.interface().syscall(Call::PRCTL, arguments) }.unwrap();
    signal
}

/// What the kernel takes from a process that gains capabilities.
#[track_caller]
fn has_kept_what_is_not_its_own(child: &Child) {
    assert_eq!(death_signal(child), libc::SIGKILL);
}

#[test]
fn each_kind_is_new_in_the_child_and_no_other_changes() {
    deadline(|| {
        let ours = of_process(me());
        let child = Task::here().spawn().unwrap();
        for (name, kind) in KINDS {
            let before = of_process(child.pid());
            child.unshare(kind).unwrap();
            assert_eq!(changed(&before, &of_process(child.pid())), [name]);
            has_kept_what_is_not_its_own(&child);
        }
        assert_eq!(changed(&ours, &of_process(me())), [""; 0]);
    });
}

#[test]
fn several_kinds_at_once_or_none() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::empty()).unwrap();
        assert_eq!(changed(&of_process(me()), &of_process(child.pid())), [""; 0]);
        child.unshare(every_kind()).unwrap();
        let kinds = KINDS.map(|(name, _)| name);
        assert_eq!(changed(&of_process(me()), &of_process(child.pid())), kinds);
    });
}

#[test]
fn an_init_is_in_new_ones_from_its_first_moment_on() {
    fn check<K: SpawnTask>(parent: &K, pid: impl common::ToPid) {
        let before = of_process(pid);
        let (last, others) = KINDS.split_last().unwrap();
        for kinds in [every_kind(), last.1, Namespaces::empty()] {
            brand!(inner_pids);
            let init = parent.spawn_with_namespaces(inner_pids, kinds).unwrap();
            let names = others.iter().chain([last]).filter(|(_, kind)| kinds.contains(*kind));
            let mut expected: Vec<_> = names.map(|(name, _)| *name).collect();
            expected.extend(["pid", "pid_for_children"]);
            assert_eq!(changed(&before, &of_process(init.host_pid())), expected);
            assert_eq!(init.getpid().unwrap().as_raw(), 1);
        }
        // For its program, as whoever shares this memory shares its clocks.
        brand!(inner_pids);
        let init = parent.spawn_with_namespaces(inner_pids, Namespaces::TIME).unwrap();
        let expected = ["pid", "pid_for_children", "time_for_children"];
        assert_eq!(changed(&before, &of_process(init.host_pid())), expected);
    }
    deadline(|| {
        let here = Task::here();
        check(&here, me());
        let child = here.spawn().unwrap();
        check(&child, child.host_pid());
        brand!(outer_pids);
        let init = child.spawn_with_pids(outer_pids).unwrap();
        check(&init, init.host_pid());
        has_kept_what_is_not_its_own(&child);
    });
}

#[test]
fn a_child_joins_each_kind_and_no_other() {
    deadline(|| {
        let here = Task::here();
        let container = here.spawn().unwrap();
        container.unshare(every_kind()).unwrap();
        let (ours, theirs) = (of_process(me()), of_process(container.pid()));
        let child = here.spawn().unwrap();
        for (name, _) in KINDS {
            let before = of_process(child.pid());
            setns(&child, name, &open(&here, container.pid(), name)).unwrap();
            let after = of_process(child.pid());
            assert_eq!(changed(&before, &after), [name]);
            assert_eq!(after[name], theirs[name]);
            has_kept_what_is_not_its_own(&child);
        }
        assert_eq!(changed(&ours, &of_process(me())), [""; 0]);
        assert_eq!(changed(&theirs, &of_process(container.pid())), [""; 0]);
    });
}

#[test]
fn an_fd_of_another_kind_is_refused_and_changes_nothing() {
    deadline(|| {
        let here = Task::here();
        let container = here.spawn().unwrap();
        container.unshare(every_kind()).unwrap();
        let child = here.spawn().unwrap();
        child.unshare(Namespaces::USER | Namespaces::MOUNT).unwrap();
        let before = of_process(child.pid());
        for (method, _) in KINDS {
            for file in ALL.into_iter().filter(|file| *file != method) {
                let error = setns(&child, method, &open(&here, container.pid(), file)).unwrap_err();
                assert_eq!((error.call(), error.errno()), (Call::SETNS, Some(Errno::INVAL)));
            }
            let null = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
            let error = setns(&child, method, &null).unwrap_err();
            assert_eq!((error.call(), error.errno()), (Call::SETNS, Some(Errno::INVAL)));
        }
        assert_eq!(changed(&before, &of_process(child.pid())), [""; 0]);
    });
}

#[test]
fn a_pidfd_stands_for_the_namespaces_of_its_process() {
    deadline(|| {
        let here = Task::here();
        let container = here.spawn().unwrap();
        container.unshare(every_kind()).unwrap();
        let theirs = of_process(container.pid());
        let pidfd = here.pidfd_open(container.pid()).unwrap();
        let child = here.spawn().unwrap();
        for name in ["net", "mnt", "uts", "ipc", "cgroup", "user"] {
            let before = of_process(child.pid());
            setns(&child, name, &pidfd).unwrap();
            assert_eq!(changed(&before, &of_process(child.pid())), [name]);
        }
        assert_eq!(changed(&theirs, &of_process(child.pid())), [""; 0]);
    });
}

#[test]
fn several_kinds_are_joined_at_once_or_none() {
    deadline(|| {
        let here = Task::here();
        let container = here.spawn().unwrap();
        container.unshare(every_kind()).unwrap();
        let (ours, theirs) = (of_process(me()), of_process(container.pid()));
        let pidfd = here.pidfd_open(container.pid()).unwrap();
        let child = here.spawn().unwrap();
        // Clocks are not changed for a process that shares its memory.
        let error = child.setns(&pidfd, every_kind() | Namespaces::TIME).unwrap_err();
        assert_eq!((error.call(), error.errno()), (Call::SETNS, Some(Errno::USERS)));
        // Without a kind, the kernel would take it for that of the file.
        let pids = open(&here, container.pid(), "pid");
        let error = child.setns(&pids, Namespaces::empty()).unwrap_err();
        assert_eq!((error.call(), error.errno()), (Call::SETNS, Some(Errno::INVAL)));
        assert_eq!(changed(&ours, &of_process(child.pid())), [""; 0]);

        child.setns(&pidfd, every_kind()).unwrap();
        assert_eq!(changed(&theirs, &of_process(child.pid())), [""; 0]);
        has_kept_what_is_not_its_own(&child);
        let child = here.spawn().unwrap();
        child.setns(open(&here, container.pid(), "uts"), Namespaces::UTS).unwrap();
        assert_eq!(changed(&ours, &of_process(child.pid())), ["uts"]);
    });
}

#[test]
fn user_namespaces_inside_ones_own_are_joined() {
    deadline(|| {
        let here = Task::here();
        let inner = here.spawn().unwrap();
        inner.unshare(Namespaces::USER).unwrap();
        map_root(inner.pid());
        let outer = open(&here, inner.pid(), "user");
        inner.unshare(Namespaces::USER).unwrap();

        let child = here.spawn().unwrap();
        child.setns_user(open(&here, inner.pid(), "user")).unwrap();
        assert_eq!(namespace(child.pid(), "user"), namespace(inner.pid(), "user"));
        has_kept_what_is_not_its_own(&child);
        // There is no way back, nor one into the same again.
        for kind in [outer, open(&here, inner.pid(), "user"), open(&here, me(), "user")] {
            child.setns_user(&kind).unwrap_err();
        }
        // From the outer one, the inner one was made by the user who is 0 there.
        let child = here.spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        map_root(child.pid());
        let grandchild = child.spawn().unwrap();
        grandchild.unshare(Namespaces::USER).unwrap();
        child.setns_user(open(&here, grandchild.pid(), "user")).unwrap();
        has_kept_what_is_not_its_own(&child);
    });
}

/// Needs to be root: a user may not even join what is somebody else's.
#[test]
#[ignore = "a host for the test below"]
fn host_that_joins_a_user_namespace_of_somebody_else() {
    if !geteuid().is_root() {
        crate::common::skip("only root could join a user namespace of somebody else");
        return;
    }
    let mut somebody = Command::new("unshare");
    somebody.args(["--user", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut somebody = somebody.uid(1000).gid(1000).current_dir("/").spawn().unwrap();
    until("in a user namespace", || namespace(somebody.id(), "user") != namespace(me(), "user"));
    let here = Task::here();
    let theirs = open(&here, somebody.id(), "user");
    let child = here.spawn().unwrap();
    child.unshare(Namespaces::UTS).unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    child.setns_user(&theirs).unwrap();
    assert_eq!(changed(&of_process(me()), &of_process(child.pid())), ["user", "uts"]);
    has_kept_what_is_not_its_own(&child);
    let grandchild = child.spawn().unwrap();
    has_kept_what_is_not_its_own(&grandchild);
    in_a_forked_copy(|| {
        let its_own = here.spawn().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
        its_own.setns_user(&theirs).unwrap();
        // What it has inherited hides nothing of its own.
        drop(duplicate(&grandchild));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        drop(its_own);
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    });
    drop(child);
    // As long as there is one.
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    drop(grandchild);
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    drop(somebody.stdin.take());
    assert!(somebody.wait().unwrap().success());
}

#[test]
fn memory_is_hidden_while_a_child_is_in_a_user_namespace_of_somebody_else() {
    passes("host_that_joins_a_user_namespace_of_somebody_else");
}

#[test]
#[ignore = "a host for the test below"]
fn host_whose_children_have_fewer_capabilities() {
    if !geteuid().is_root() {
        crate::common::skip("only root has capabilities to lose");
        return;
    }
    let here = Task::here();
    let is_hidden = || dumpable_behavior().unwrap() == DumpableBehavior::NotDumpable;
    let child = here.spawn().unwrap();
    child.unshare(every_kind() - Namespaces::USER).unwrap();
    assert!(!is_hidden());
    // Who has fewer does not get into it, as it has all of them.
    assert!(!is_looked_into(child.pid().as_raw()));
    child.unshare(Namespaces::USER).unwrap();
    assert!(is_hidden() && !is_looked_into(child.pid().as_raw()));
    drop(child);
    assert!(!is_hidden());

    let child = here.spawn().unwrap();
    child.capset(no_capabilities()).unwrap();
    assert!(is_hidden() && !is_looked_into(child.pid().as_raw()));
    let sibling = child.spawn().unwrap();
    drop(child);
    assert!(is_hidden() && !is_looked_into(sibling.pid().as_raw()));
    drop(sibling);
    assert!(!is_hidden());

    brand!(inner_pids);
    let init = here.spawn_with_namespaces(inner_pids, Namespaces::USER).unwrap();
    assert!(is_hidden() && !is_looked_into(init.host_pid().as_raw()));
    let process = init.program(&Program::new("sleep").arg("1000")).exec().unwrap();
    until("shown again", || !is_hidden());
    drop(process.kill_on_drop(true));

    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory).unwrap();
    child.unshare(Namespaces::USER).unwrap();
    assert!(!is_hidden() && !is_looked_into(child.pid().as_raw()));
}

#[test]
fn memory_is_hidden_while_a_child_has_fewer_capabilities() {
    passes("host_whose_children_have_fewer_capabilities");
}

/// With capabilities, but not those that get at what is hidden.
#[test]
#[ignore = "a host for the test below"]
fn host_that_could_not_see_what_is_hidden() {
    let here = Task::here();
    let one = CapabilitySet::NET_BIND_SERVICE;
    here.capset(CapabilitySets { effective: one, permitted: one, ..no_capabilities() }).unwrap();
    brand!(private_fds);
    let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
    child.unshare(Namespaces::USER).unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::Dumpable);
    let (reader, _writer) = child.pipe2(PipeFlags::empty()).unwrap();
    drop(here.pidfd_getfd(&child, &reader).unwrap());
    // What is said to be open then.
    assert!(is_looked_into(child.pid().as_raw()));
}

#[test]
fn memory_stays_dumpable_for_who_could_not_see_it_else() {
    passes("host_that_could_not_see_what_is_hidden");
}

fn no_capabilities() -> CapabilitySets {
    let none = CapabilitySet::empty();
    CapabilitySets { effective: none, permitted: none, inheritable: none }
}

/// What is looked for: that it is found tells that the right memory was looked into.
static SECRET: AtomicU64 = AtomicU64::new(0x5ec2_e75e_c2e7_5ec2);

/// Whether a process of this user that has no capabilities finds this program's secret in a process's memory.
fn is_looked_into(pid: i32) -> bool {
    let mut other = another_host("who_looks_into_a_process_without_capabilities");
    let address = SECRET.as_ptr().expose_provenance();
    let output = other.env("PROCESS", format!("{pid} {address}")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text.contains("FOUND")
}

#[test]
#[ignore = "looks into a process for the tests above"]
fn who_looks_into_a_process_without_capabilities() {
    let process = std::env::var("PROCESS").unwrap();
    let (pid, address) = process.split_once(' ').unwrap();
    let (pid, address): (i32, usize) = (pid.parse().unwrap(), address.parse().unwrap());
    Task::here().capset(no_capabilities()).unwrap();
    let mut found = 0_u64;
    let into = libc::iovec { iov_base: (&raw mut found).cast(), iov_len: 8 };
    let from = libc::iovec { iov_base: ptr::with_exposed_provenance_mut(address), iov_len: 8 };
    // SAFETY: it writes to a local, and the other address is only the other process's.
    let read = unsafe { libc::process_vm_readv(pid, &raw const into, 1, &raw const from, 1, 0) };
    if (read, found) == (8, SECRET.load(Ordering::Relaxed)) {
        println!("FOUND");
    }
}

#[test]
fn a_child_in_its_own_user_namespace_does_all_that_others_do() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let child = here.spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        map_root(child.pid());
        brand!(private_fds);
        let (child, writer) = child.unshare_files(private_fds, writer).unwrap();
        let grandchild = child.spawn().unwrap();
        assert_eq!(namespace(grandchild.pid(), "user"), namespace(child.pid(), "user"));
        grandchild.write(&writer, b"grandchild, ").unwrap();
        drop(grandchild);
        let id = Program::new("id").arg("-u");
        let process = child.program(&id).fd(1, &writer).exec().unwrap();
        assert!(process.wait().unwrap().success());
        let mut buffer = [0; 32];
        let length = here.read(&reader, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"grandchild, 0\n");
    });
}

#[test]
fn the_calling_thread_among_others_gets_no_user_namespace() {
    let here = Task::here();
    // Beside the one that waits for this test, if there is none.
    let other = here.spawn().unwrap();
    let before = of_this_thread();
    let error = here.unshare(Namespaces::USER).unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::UNSHARE, Some(Errno::INVAL)));
    drop(other);
    assert_eq!(changed(&before, &of_this_thread()), [""; 0]);
}

/// Needs to be root: a thread among others cannot have a user namespace.
#[test]
fn a_thread_has_namespaces_of_its_own() {
    let thread = || {
        let here = Task::here();
        let others = of_process(me());
        let main = |kind| open(&here, me(), kind);
        // It shares its working directory with the other threads.
        let error = here.setns_mount(main("mnt")).unwrap_err();
        assert_eq!((error.call(), error.errno()), (Call::SETNS, Some(Errno::INVAL)));
        for (name, kind) in KINDS.into_iter().skip(1) {
            let before = of_this_thread();
            here.unshare(kind).unwrap();
            assert_eq!(changed(&before, &of_this_thread()), [name]);
        }
        assert_eq!(changed(&others, &of_process(me())), [""; 0]);
        // What it spawns is where it is, and stays there.
        let child = here.spawn().unwrap();
        let own = of_this_thread();
        assert_eq!(changed(&own, &of_process(child.pid())), [""; 0]);
        for (target, pid) in [(&others, me() as i32), (&own, child.pid().as_raw())] {
            for (name, _) in KINDS.into_iter().skip(1) {
                let before = of_this_thread();
                setns(&here, name, &open(&here, pid, name)).unwrap();
                assert_eq!(changed(&before, &of_this_thread()), [name]);
            }
            assert_eq!(changed(target, &of_this_thread()), [""; 0]);
        }
        assert_eq!(changed(&others, &of_process(me())), [""; 0]);
    };
    deadline(|| thread::spawn(thread).join().unwrap());
}

#[test]
#[ignore = "a host for the test below"]
fn host_of_children_in_user_namespaces() {
    let here = Task::here();
    let (maker, joiner) = (here.spawn().unwrap(), here.spawn().unwrap());
    maker.unshare(Namespaces::USER).unwrap();
    joiner.setns_user(open(&here, maker.pid(), "user")).unwrap();
    let grandchild = maker.spawn().unwrap();
    let pids = [maker.pid(), joiner.pid(), grandchild.pid()];
    println!("pids {}", pids.map(|pid| pid.as_raw().to_string()).join(" "));
    loop {
        thread::park();
    }
}

#[test]
fn children_in_user_namespaces_do_not_outlive_a_killed_host() {
    deadline(|| {
        let mut host = another_host("host_of_children_in_user_namespaces");
        let mut host = host.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(host.stdout.take().unwrap()).lines();
        let pids: Vec<i32> = lines
            .find_map(|line| Some(line.unwrap().split_once("pids ")?.1.to_owned()))
            .expect("the host prints its children's pids")
            .split(' ')
            .map(|pid| pid.parse().unwrap())
            .collect();
        assert!(pids.len() == 3 && pids.iter().all(|pid| !is_dead(*pid)));
        host.kill().unwrap();
        host.wait().unwrap();
        until("all are dead", || pids.iter().all(|pid| is_dead(*pid)));
    });
}
