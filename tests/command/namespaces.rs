//! Namespaces, their ids, and cgroups.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::sync::mpsc::channel;
use std::thread;

use nearfar::Namespaces;
use nearfar::prelude::*;
use nearfar::process::{Command, IdMap};
use rustix::io::Errno;

use super::{cat, inner, printed, sh, until_it_reads};
use crate::common::{
    Cgroup, ForEverybody, deadline, host_of, namespace, own_namespace, this_program, until,
};

const KINDS: [(&str, Namespaces); 6] = [
    ("user", Namespaces::USER),
    ("mnt", Namespaces::MOUNT),
    ("net", Namespaces::NET),
    ("uts", Namespaces::UTS),
    ("ipc", Namespaces::IPC),
    ("cgroup", Namespaces::CGROUP),
];

#[test]
fn each_kind_alone_and_all_together() {
    deadline(|| {
        // Other kinds than `USER` need to be root.
        let all = KINDS.iter().fold(Namespaces::empty(), |all, (_, kind)| all | *kind);
        let alone = KINDS.iter().map(|(_, kind)| *kind);
        for unshared in alone.chain([Namespaces::empty(), all]) {
            let mut child = cat().unshare(unshared).spawn().unwrap();
            for (name, kind) in KINDS {
                let is_own = namespace(child.id(), name) != own_namespace(name);
                assert_eq!(is_own, unshared.contains(kind), "{name} of {unshared:?}");
            }
            assert_eq!(namespace(child.id(), "pid"), own_namespace("pid"));
            assert!(child.wait().unwrap().success());
        }
    });
}

#[test]
fn kinds_add_up() {
    deadline(|| {
        // Other kinds than `USER` need to be root.
        let mut command = cat();
        command.unshare(Namespaces::UTS).unshare(Namespaces::IPC).unshare(Namespaces::empty());
        let mut child = command.spawn().unwrap();
        for (name, kind) in KINDS {
            let is_own = namespace(child.id(), name) != own_namespace(name);
            assert_eq!(is_own, (Namespaces::UTS | Namespaces::IPC).contains(kind), "{name}");
        }
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn the_first_of_a_pid_namespace() {
    deadline(|| {
        // It needs to be root.
        let mut command = sh("echo $$");
        assert_eq!(printed(command.unshare_pid()), "1\n");
        command.prepare(|child| {
            assert_eq!(child.getpid()?.as_raw(), 1);
            Ok(())
        });
        assert_eq!(printed(&mut command), "1\n");
        let mut child = cat().unshare_pid().spawn().unwrap();
        assert_ne!(namespace(child.id(), "pid"), own_namespace("pid"));
        assert_ne!(child.id(), 1);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn the_init_takes_its_namespace_with_it() {
    deadline(|| {
        let mut child = sh("sleep 1000 & exec cat")
            .stdin(nearfar::process::Stdio::piped())
            .stdout(nearfar::process::Stdio::piped())
            .unshare_pid()
            .spawn()
            .unwrap();
        until_it_reads(&child);
        // The pipe's other holder is killed by the kernel.
        let mut stdout = child.stdout.take().unwrap();
        child.kill().unwrap();
        assert_eq!(std::io::copy(&mut stdout, &mut std::io::sink()).unwrap(), 0);
        child.wait().unwrap();
    });
}

/// The lines of an id map, as numbers.
fn map(text: &str) -> Vec<Vec<u32>> {
    let line = |line: &str| line.split_whitespace().map(|id| id.parse().unwrap()).collect();
    text.lines().map(line).collect()
}

#[test]
fn ids_are_mapped() {
    deadline(|| {
        // It needs to be root.
        let ids = |inside, outside, count| IdMap { inside, outside, count };
        let mut command = Command::new("cat");
        command.args(["/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"]);
        command.unshare(Namespaces::USER);
        command.uid_map(&[ids(0, 0, 1), ids(1000, 20_000, 10)]).gid_map(&[ids(5, 0, 2)]);
        let text = printed(&mut command);
        let (maps, setgroups) = text.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(map(maps), [vec![0, 0, 1], vec![1000, 20_000, 10], vec![5, 0, 2]]);
        assert_eq!(setgroups, "allow");
        // Before the preparation, and before the ids of the program, which are those inside.
        let mut command = Command::new("id");
        command.arg("-u").unshare(Namespaces::USER).uid_map(&[ids(0, 0, 1), ids(1000, 20_000, 10)]);
        command.prepare(|child| {
            let path = "/proc/thread-self/uid_map";
            let file = child.openat(Cwd, path, OFlags::RDONLY, Mode::empty())?;
            assert_ne!(child.read(&file, &mut [0; 100])?, 0);
            Ok(())
        });
        assert_eq!(printed(command.uid(1003)), "1003\n");
    });
}

#[test]
fn a_map_that_the_kernel_refuses() {
    deadline(|| {
        let empty = IdMap { inside: 0, outside: 0, count: 0 };
        let mut command = Command::new("true");
        let error = command.unshare(Namespaces::USER).uid_map(&[empty]).spawn().unwrap_err();
        let error = inner(&error);
        assert_eq!((error.call().name(), error.errno()), ("write", Some(Errno::INVAL)));
    });
}

#[test]
fn maps_without_a_new_namespace() {
    deadline(|| {
        let own = [IdMap::own_uid_as(0)];
        for (uids, gids) in [(&own[..], &[][..]), (&[], &own)] {
            let mut command = Command::new("true");
            command.unshare(Namespaces::UTS).uid_map(uids).gid_map(gids);
            let error = command.spawn().unwrap_err();
            let error = inner(&error);
            assert_eq!((error.call().name(), error.errno()), ("write", Some(Errno::PERM)));
            assert!(command.unshare(Namespaces::USER).status().unwrap().success());
        }
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_without_privileges() {
    let ids = [rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()];
    assert_eq!(ids, [65534, 65533]);
    let mut command = sh("id -u; id -g; cat /proc/self/setgroups /proc/self/[ug]id_map");
    command.unshare(Namespaces::USER | Namespaces::NET).unshare_pid();
    command.uid_map(&[IdMap::own_uid_as(0)]).gid_map(&[IdMap::own_gid_as(7)]);
    let text = printed(&mut command);
    let words: Vec<_> = text.split_whitespace().collect();
    assert_eq!(words, ["0", "7", "deny", "7", "65533", "1", "0", "65534", "1"]);
    // Without a user namespace, the others are not to be had.
    let error = Command::new("true").unshare(Namespaces::NET).spawn().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(inner(&error).errno(), Some(Errno::PERM));
}

#[test]
fn without_privileges() {
    deadline(|| {
        // It needs to be root, to become somebody who is not.
        let copy = ForEverybody::copied(this_program());
        let mut host = host_of(copy.path(), "command::namespaces::host_without_privileges");
        let output = host.uid(65534).gid(65533).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    });
}

/// Whoever starts it waits in the call that makes it.
#[test]
fn a_program_is_started_as_by_vfork() {
    deadline(|| {
        let Some((cgroup, _)) = Cgroup::new("nearfar-frozen") else { return };
        let freeze = |frozen: &str| fs::write(cgroup.directory().join("cgroup.freeze"), frozen);
        freeze("1").unwrap();
        let directory = File::open(cgroup.directory()).unwrap();
        let (numbers, number) = channel();
        let starter = thread::spawn(move || {
            numbers.send(Task::here().gettid().unwrap().as_raw() as u32).unwrap();
            Command::new("true").cgroup(directory).status().unwrap()
        });
        let syscall = format!("/proc/{}/syscall", number.recv().unwrap());
        let mut waits_in = None;
        until("it waits", || {
            let line = fs::read_to_string(&syscall).unwrap();
            waits_in = line.split(' ').next().and_then(|number| number.parse().ok());
            [libc::SYS_clone3, libc::SYS_futex_waitv].map(Some).contains(&waits_in)
        });
        // Before anything can fail.
        freeze("0").unwrap();
        assert!(starter.join().unwrap().success());
        assert_eq!(waits_in, Some(libc::SYS_clone3));
    });
}

#[test]
fn in_a_cgroup_from_the_first_moment_on() {
    deadline(|| {
        let Some((cgroup, path)) = Cgroup::new("nearfar") else { return };
        let ours = Cgroup::of("self");
        let mut command = cat();
        command.cgroup(File::open(cgroup.directory()).unwrap());
        for prepared in [false, true] {
            if prepared {
                let path = path.clone();
                command.prepare(move |child| {
                    let file = "/proc/thread-self/cgroup";
                    let file = child.openat(Cwd, file, OFlags::RDONLY, Mode::empty())?;
                    let mut text = [0; 4096];
                    let length = child.read(&file, &mut text)?;
                    let text = std::str::from_utf8(&text[..length])?;
                    assert!(text.contains(&format!("0::{}\n", path.display())), "{text}");
                    Ok(())
                });
            }
            let mut child = command.spawn().unwrap();
            assert_eq!(Cgroup::of(child.id()), path);
            assert_eq!(Cgroup::of("self"), ours);
            assert!(child.wait().unwrap().success());
        }
        // What is no cgroup is refused.
        let error = command.cgroup(File::open("/").unwrap()).spawn().unwrap_err();
        assert_eq!(inner(&error).errno(), Some(Errno::BADF));
    });
}
