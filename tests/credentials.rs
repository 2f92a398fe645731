//! Who a task is, and the id maps of its user namespace.

#![allow(unsafe_code, reason = "raw calls that have no safe method")]

mod common;

use std::fs;

use common::{deadline, is_dead, passes, state, status, until};
use nearfar::IdMap;
use nearfar::far::{self, Task as _};
use nearfar::interface::{Call, SyscallInterface};
use nearfar::near;
use nearfar::prelude::*;
use nearfar::process::Command;
use nearfar::rustix::process::{DumpableBehavior, dumpable_behavior};
use nearfar::task::Ids;

/// Real, effective and saved id, as `/proc` tells them.
fn ids<Id>(process: impl std::fmt::Display, field: &str, id: impl Fn(u32) -> Id) -> Ids<Id> {
    let line = status(process, field);
    let mut ids = line.split_whitespace().map(|number| id(number.parse().unwrap()));
    let mut next = || ids.next().unwrap();
    Ids { real: next(), effective: next(), saved: next() }
}

fn uids(real: u32, effective: u32, saved: u32) -> Ids<Uid> {
    let [real, effective, saved] = [real, effective, saved].map(Uid::from_raw);
    Ids { real, effective, saved }
}

fn gids(real: u32, effective: u32, saved: u32) -> Ids<Gid> {
    let [real, effective, saved] = [real, effective, saved].map(Gid::from_raw);
    Ids { real, effective, saved }
}

fn of_groups<const N: usize>(numbers: [u32; N]) -> [Gid; N] {
    numbers.map(Gid::from_raw)
}

fn groups(process: impl std::fmt::Display) -> Vec<Gid> {
    let line = status(process, "Groups");
    line.split_whitespace().map(|id| Gid::from_raw(id.parse().unwrap())).collect()
}

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        crate::common::skip("needs CAP_SETGID");
    }
    root
}

#[test]
fn ids_are_what_proc_says() {
    fn tell(task: &impl far::Task, process: impl std::fmt::Display + Copy) {
        assert_eq!(task.getresuid().unwrap(), ids(process, "Uid", Uid::from_raw));
        assert_eq!(task.getresgid().unwrap(), ids(process, "Gid", Gid::from_raw));
        assert_eq!(task.getgroups().unwrap(), groups(process));
    }
    deadline(|| {
        let here = Task::here();
        tell(&here, "thread-self");
        let child = here.spawn().unwrap();
        tell(&child, child.pid().as_raw());
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_with_three_different_ids() {
    if !is_root() {
        return;
    }
    let here = Task::here();
    let (users, groups) = ([1, 0, 3], [4, 5, 6]);
    // SAFETY: the ids of this thread, with which this program ends.
    unsafe { here.interface().syscall(Call::SETRESGID, groups) }.unwrap();
    // SAFETY: as above.
    unsafe { here.interface().syscall(Call::SETRESUID, users) }.unwrap();
    assert_eq!(ids("thread-self", "Uid", Uid::from_raw), here.getresuid().unwrap());
    assert_eq!(here.getresuid().unwrap(), uids(1, 0, 3));
    assert_eq!(here.getresgid().unwrap(), gids(4, 5, 6));
}

/// In a program of their own: the kernel takes the dumpable flag from the memory.
#[test]
fn three_different_ids_are_told_apart() {
    passes("host_with_three_different_ids");
}

#[test]
fn a_childs_groups_are_its_own_and_its_programs() {
    deadline(|| {
        if !is_root() {
            return;
        }
        let here = Task::here();
        let before = groups("thread-self");
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        let many: Vec<Gid> = (10..5010).map(Gid::from_raw).collect();
        for set in [&many[..], &[], &of_groups([7, 9])] {
            child.setgroups(set).unwrap();
            assert_eq!(child.getgroups().unwrap(), set);
            assert_eq!(groups(pid), set);
        }
        assert_eq!(child.spawn().unwrap().getgroups().unwrap(), of_groups([7, 9]));
        assert_eq!(groups("thread-self"), before);
        let too_many = vec![Gid::from_raw(1); 65537];
        assert_eq!(child.setgroups(&too_many).unwrap_err().errno(), Some(Errno::INVAL));

        let sleep = Program::new("sleep").arg("1000");
        let process = child.program(&sleep).exec().unwrap().kill_on_drop(true);
        assert_eq!(groups(process.id()), of_groups([7, 9]));
    });
}

/// It is no change of privileges to the kernel: neither the memory nor the death signal is touched.
#[test]
fn setting_groups_changes_nothing_else() {
    // The memory is one of its own: other tests hide theirs meanwhile.
    passes("host_whose_child_sets_groups");
}

#[test]
#[ignore = "a host for the test above"]
fn host_whose_child_sets_groups() {
    deadline(|| {
        if !is_root() {
            return;
        }
        let here = Task::here();
        let child = here.spawn().unwrap();
        let death_signal = || {
            let signal = 0_i32;
            let arguments = [libc::PR_GET_PDEATHSIG as usize, (&raw const signal) as usize];
            // SAFETY: the kernel writes an `int`.
            unsafe { child.interface().syscall(Call::PRCTL, arguments) }.unwrap();
            // SAFETY: it is a local.
            unsafe { (&raw const signal).read_volatile() }
        };
        assert_eq!(death_signal(), libc::SIGKILL);
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::Dumpable));
        child.setgroups(&of_groups([1, 2, 3])).unwrap();
        assert_eq!(death_signal(), libc::SIGKILL);
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::Dumpable));
        assert_eq!(child.prctl_get_dumpable().unwrap(), DumpableBehavior::Dumpable);
    });
}

#[test]
fn a_task_in_a_new_user_namespace_gets_its_ids() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        child.unshare(Namespaces::USER).unwrap();
        assert_ne!(child.getresuid().unwrap().real, Uid::from_raw(5), "nobody");
        here.write_uid_map(&child, &[IdMap::own_uid_as(5)]).unwrap();
        here.deny_setgroups(&child).unwrap();
        here.write_gid_map(&child, &[IdMap::own_gid_as(6)]).unwrap();
        assert_eq!(child.getresuid().unwrap(), uids(5, 5, 5));
        assert_eq!(child.getresgid().unwrap(), gids(6, 6, 6));
        let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
        let me = rustix::process::geteuid().as_raw().to_string();
        assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["5", &me, "1"]);
        assert_eq!(fs::read_to_string(format!("/proc/{pid}/setgroups")).unwrap(), "deny\n");
        let error = child.setgroups(&[]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM), "it is denied");

        let error = here.write_uid_map(&child, &[IdMap::own_uid_as(0)]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM), "once only");
        let error = here.write_uid_map(&here, &[IdMap::own_uid_as(0)]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM), "not of a namespace that has one");
    });
}

#[test]
fn a_map_has_several_ranges() {
    deadline(|| {
        if !is_root() {
            return;
        }
        let here = Task::here();
        let child = here.spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        let ranges = [
            IdMap { inside: 0, outside: 0, count: 1 },
            IdMap { inside: 1, outside: 100_000, count: 65535 },
        ];
        // Also by another task of the same pid namespace.
        let sibling = here.spawn().unwrap();
        sibling.write_uid_map(&child, &ranges).unwrap();
        sibling.write_gid_map(&child, &ranges).unwrap();
        child.setgroups(&of_groups([1, 65535])).unwrap();
        assert_eq!(child.getgroups().unwrap(), of_groups([1, 65535]));
        assert_eq!(groups(child.pid().as_raw()), of_groups([100_000, 165_534]));
        assert_eq!(child.setgroups(&of_groups([65536])).unwrap_err().errno(), Some(Errno::INVAL));
    });
}

#[test]
fn no_map_is_written_for_a_dead_task() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        here.kill(child.pid(), Signal::KILL).unwrap();
        until("dead", || state(child.pid()) == Some('Z'));
        let error = here.write_uid_map(&child, &[IdMap::own_uid_as(0)]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SRCH));
    });
}

/// In a namespace inside, a task may have the same number as in the one that `/proc` is of. That of another task there
/// is a stranger's here.
#[test]
fn no_map_is_written_for_who_has_the_same_number_outside() {
    const LAST: &str = "/proc/sys/kernel/ns_last_pid";
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        // Who is made next by it has a number as large as out here, or larger.
        let next_after = |pid: near::Pid<HostPids>| {
            let last = init.openat(Cwd, LAST, OFlags::WRONLY, Mode::empty()).expect(LAST);
            let number = pid.as_raw().to_string();
            assert_eq!(init.write(&last, number.as_bytes()), Ok(number.len()));
        };
        let writer = (0..1000).find_map(|_| {
            next_after(here.spawn().unwrap().host_pid());
            let writer = init.spawn().unwrap();
            (writer.pid().as_raw() == writer.host_pid().as_raw()).then_some(writer)
        });
        let writer = writer.expect("other tests do not always come between");
        let child = init.spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        let error = writer.write_uid_map(&child, &[IdMap::own_uid_as(0)]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOENT));
    });
}

#[test]
fn a_command_gets_its_maps() {
    deadline(|| {
        let mut command = Command::new("sh");
        command.args(["-c", "id -u; id -g; cat /proc/self/setgroups"]);
        command.unshare(nearfar::Namespaces::USER);
        command.uid_map(&[IdMap::own_uid_as(8)]).gid_map(&[IdMap::own_gid_as(9)]);
        let output = command.output().unwrap();
        let expected: &[u8] = if is_root() { b"8\n9\nallow\n" } else { b"8\n9\ndeny\n" };
        assert_eq!(output.stdout, expected);
    });
}

#[test]
fn an_init_in_a_new_user_namespace_gets_its_ids() {
    deadline(|| {
        let here = Task::here();
        // Whoever this is, it may do so in a user namespace of its own.
        let child = here.spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        here.write_uid_map(&child, &[IdMap::own_uid_as(0)]).unwrap();
        here.deny_setgroups(&child).unwrap();
        here.write_gid_map(&child, &[IdMap::own_gid_as(0)]).unwrap();
        brand!(inner_pids);
        let init = child.spawn_with_pids(inner_pids).unwrap();
        init.unshare(Namespaces::USER).unwrap();
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        let one = |inside, outside| IdMap { inside, outside, count: 1 };
        child.write_uid_map(&init, &[one(5, 0)]).unwrap();
        child.deny_setgroups(&init).unwrap();
        child.write_gid_map(&init, &[one(6, 0)]).unwrap();
        assert_eq!(init.getresuid().unwrap(), uids(5, 5, 5));
        assert_eq!(init.getresgid().unwrap(), gids(6, 6, 6));
        let map = |name| fs::read_to_string(format!("/proc/{}/{name}", init.host_pid().as_raw()));
        let numbers = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(numbers(map("uid_map").unwrap()), ["5", &uid.as_raw().to_string(), "1"]);
        assert_eq!(numbers(map("gid_map").unwrap()), ["6", &gid.as_raw().to_string(), "1"]);
        assert_eq!(map("setgroups").unwrap(), "deny\n");

        // From inside it is the same process, but `/proc` is still the one of outside.
        let other = init.spawn().unwrap();
        let error = other.write_uid_map(&init, &[one(0, 0)]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOENT));
        init.killer().kill().unwrap();
        until("dead", || is_dead(init.host_pid()));
        let error = child.write_uid_map(&init, &[one(0, 0)]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SRCH));
    });
}
