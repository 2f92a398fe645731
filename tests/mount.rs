//! Mounts: in the namespace of the child or the thread alone, as the kernel lists them.

mod common;

use std::ffi::CString;
use std::fs;
use std::path::Path;

use common::sandbox::{MountInfo, Sandbox, by_a_child, by_a_thread, refused};
use nearfar::ErrorKind;
use nearfar::far;
use nearfar::interface::Call;
use nearfar::prelude::*;

/// Every method but `pivot_root`.
fn works<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;

    // A file system with flags and options.
    let [one, two, three] = ["one", "two", "three"].map(|name| sandbox.make_directory(name));
    let flags = MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    task.mount("label", &one, "tmpfs", flags, Some(c"size=64k,nr_inodes=7")).unwrap();
    let mount = sandbox.mounted(&one);
    assert_eq!((mount.fstype.as_str(), mount.source.as_str()), ("tmpfs", "label"));
    assert!(["ro", "nodev", "noexec"].iter().all(|flag| mount.has(flag)) && !mount.has("nosuid"));
    assert!(mount.file_system_has("size=64k") && mount.file_system_has("nr_inodes=7"));
    assert!(fs::write(sandbox.seen(one.join("file")), "").is_err(), "read-only");

    // All flags are set anew, and the options that are given.
    task.mount_remount(&one, MountFlags::NOSUID, Some(c"size=128k")).unwrap();
    let mount = sandbox.mounted(&one);
    assert!(["rw", "nosuid"].iter().all(|flag| mount.has(flag)) && !mount.has("nodev"));
    assert!(mount.file_system_has("size=128k") && mount.file_system_has("nr_inodes=7"));
    fs::write(sandbox.seen(one.join("file")), "in one").unwrap();
    task.mount_remount(&one, MountFlags::empty(), None).unwrap();
    assert!(!sandbox.mounted(&one).has("nosuid"));

    // A bind, read-only where the original is not.
    task.mount_bind(&one, &two).unwrap();
    task.mount_remount_bind(&two, MountFlags::RDONLY | MountFlags::NOSYMFOLLOW).unwrap();
    let mount = sandbox.mounted(&two);
    assert!(mount.has("ro") && mount.has("nosymfollow") && mount.file_system_has("rw"));
    assert!(sandbox.mounted(&one).has("rw"));
    assert_eq!(fs::read(sandbox.seen(two.join("file"))).unwrap(), b"in one");
    assert!(fs::write(sandbox.seen(two.join("file")), "").is_err(), "read-only");
    fs::write(sandbox.seen(one.join("file")), "rewritten").unwrap();
    assert_eq!(fs::read(sandbox.seen(two.join("file"))).unwrap(), b"rewritten");

    // A mount that is moved is not where it was.
    task.mount_move(&two, &three).unwrap();
    assert!(sandbox.mountinfo(&two).is_empty() && sandbox.mounted(&three).has("ro"));
    assert!(!sandbox.seen(two.join("file")).exists());
    assert_eq!(fs::read(sandbox.seen(three.join("file"))).unwrap(), b"rewritten");
    task.umount2(&three, UnmountFlags::empty()).unwrap();
    assert!(sandbox.mountinfo(&three).is_empty());

    // With what is mounted below, and without.
    let below = Path::new("below");
    fs::create_dir(sandbox.seen(one.join(below))).unwrap();
    task.mount("below", one.join(below), "tmpfs", MountFlags::empty(), None).unwrap();
    task.mount_bind(&one, &two).unwrap();
    assert!(sandbox.mountinfo(&two.join(below)).is_empty());
    task.mount_bind_recursive(&one, &three).unwrap();
    assert_eq!(sandbox.mounted(&three.join(below)).source, "below");
    let mount = sandbox.mounted(&two);
    assert_eq!((mount.root.as_str(), mount.source.as_str()), ("/", "label"));

    // Propagation: from a shared mount to its bind, and not from a private one.
    task.mount_change(&one, MountPropagationFlags::SHARED).unwrap();
    assert!(sandbox.mounted(&one).propagation.contains("shared:"));
    assert_eq!(sandbox.mounted(&one.join(below)).propagation, "", "without REC");
    let recursive = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
    task.mount_change(&one, recursive).unwrap();
    assert!(sandbox.mounted(&one.join(below)).propagation.contains("shared:"));
    let four = sandbox.make_directory("four");
    task.mount_bind_recursive(&one, &four).unwrap();
    task.mount_change(&four, MountPropagationFlags::DOWNSTREAM).unwrap();
    assert!(sandbox.mounted(&four).propagation.contains("master:"));
    fs::create_dir(sandbox.seen(one.join("later"))).unwrap();
    task.mount("later", one.join("later"), "tmpfs", MountFlags::empty(), None).unwrap();
    assert_eq!(sandbox.mounted(&four.join("later")).source, "later");
    assert!(sandbox.mountinfo(&two.join("later")).is_empty());
    task.mount_change(&two, MountPropagationFlags::UNBINDABLE).unwrap();
    assert!(sandbox.mounted(&two).propagation.contains("unbindable"));
    refused(task.mount_bind(&two, &two), Call::MOUNT, Errno::INVAL);

    // What is used goes only when it is detached.
    refused(task.umount2(&one, UnmountFlags::empty()), Call::UMOUNT2, Errno::BUSY);
    refused(task.umount2(&two, UnmountFlags::EXPIRE), Call::UMOUNT2, Errno::AGAIN);
    assert_eq!(sandbox.mountinfo(&two).len(), 1);
    task.umount2(&two, UnmountFlags::EXPIRE).unwrap();
    assert!(sandbox.mountinfo(&two).is_empty());
    for path in [&one, &three, &four] {
        task.umount2(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).unwrap();
        assert!(sandbox.mountinfo(path).is_empty());
    }
    refused(task.umount2(&one, UnmountFlags::empty()), Call::UMOUNT2, Errno::INVAL);
}

fn refuses_what_it_does_not_know<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let path = &sandbox.directory.0;
    let listed = || fs::read_to_string(format!("{}/mountinfo", sandbox.proc)).unwrap();
    let before = listed();
    let other_operations = [
        libc::MS_BIND,
        libc::MS_REMOUNT,
        libc::MS_MOVE,
        libc::MS_REC,
        libc::MS_SHARED,
        libc::MS_PRIVATE,
        libc::MS_SLAVE,
        libc::MS_UNBINDABLE,
    ];
    let unknown = [1 << 9, libc::MS_POSIXACL, libc::MS_I_VERSION, 1 << 29, 1 << 31];
    for bit in other_operations.into_iter().chain(unknown) {
        let flags = MountFlags::RDONLY | MountFlags::from_bits_retain(bit as u32);
        for result in [
            task.mount(path, path, "tmpfs", flags, None),
            task.mount_remount(path, flags, None),
            task.mount_remount_bind(path, flags),
        ] {
            let error = result.unwrap_err();
            assert_eq!((error.call(), error.kind()), (Call::MOUNT, ErrorKind::UnknownFlags));
        }
    }
    let error = task.mount_remount_bind(path, MountFlags::SYNCHRONOUS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFlags, "the file system's");
    for bit in [libc::MS_BIND, libc::MS_REMOUNT, libc::MS_MOVE, libc::MS_RDONLY, 1 << 31] {
        let flags = MountPropagationFlags::PRIVATE;
        let flags = flags | MountPropagationFlags::from_bits_retain(bit as u32);
        let error = task.mount_change(path, flags).unwrap_err();
        assert_eq!((error.call(), error.kind()), (Call::MOUNT, ErrorKind::UnknownFlags));
    }
    let (shared, private) = (MountPropagationFlags::SHARED, MountPropagationFlags::PRIVATE);
    for flags in [MountPropagationFlags::REC, shared | private, MountPropagationFlags::empty()] {
        refused(task.mount_change(path, flags), Call::MOUNT, Errno::INVAL);
    }
    let error = task.umount2(path, UnmountFlags::from_bits_retain(16)).unwrap_err();
    assert_eq!((error.call(), error.kind()), (Call::UMOUNT2, ErrorKind::UnknownFlags));
    let error = task.mount("a\0b", path, "tmpfs", MountFlags::empty(), None).unwrap_err();
    assert_eq!((error.call(), error.kind()), (Call::MOUNT, ErrorKind::InteriorNul));
    let long = |length| CString::new([b','].repeat(length)).unwrap();
    let with = |data: &CString| task.mount_remount(path, MountFlags::empty(), Some(data));
    refused(with(&long(4096)), Call::MOUNT, Errno::INVAL);
    assert_eq!(listed(), before);
    with(&long(4095)).unwrap();
}

/// In the end the task has but one mount, and nothing in it but what was put there.
fn pivots<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let (new_root, old) = (&sandbox.directory.0, sandbox.make_directory("old"));
    fs::write(sandbox.seen(sandbox.path("file")), "at the root").unwrap();
    refused(task.pivot_root(&old, &old), Call::PIVOT_ROOT, Errno::INVAL);
    let open = |path| task.openat(Cwd, path, OFlags::RDONLY, Mode::empty());
    drop(open("/dev/null").unwrap());
    task.pivot_root(new_root, &old).unwrap();
    assert_eq!(open("/dev/null").unwrap_err().errno(), Some(Errno::NOENT));
    drop((open("/file").unwrap(), open("/old/dev/null").unwrap()));
    task.umount2("/old", UnmountFlags::DETACH).unwrap();
    assert_eq!(open("/old/dev/null").unwrap_err().errno(), Some(Errno::NOENT));
}

/// What the kernel says of that to others.
fn has_pivoted(proc: &str) {
    assert_eq!(fs::read(format!("{proc}/root/file")).unwrap(), b"at the root");
    let mounts = fs::read_to_string(format!("{proc}/mountinfo")).unwrap();
    let mounts: Vec<_> = mounts.lines().map(MountInfo::parse).collect();
    assert!(mounts.len() == 1 && mounts[0].at == Path::new("/"), "{mounts:?}");
    assert_eq!((mounts[0].fstype.as_str(), mounts[0].source.as_str()), ("tmpfs", "test"));
    assert!(Path::new("/dev/null").exists(), "the root is still ours here");
}

#[test]
fn a_child_mounts_for_itself_alone() {
    by_a_child(works);
}

#[test]
fn a_thread_mounts_for_itself_alone() {
    by_a_thread(works, |_| ());
}

#[test]
fn flags_of_another_operation_are_refused_by_a_child() {
    by_a_child(refuses_what_it_does_not_know);
}

#[test]
fn flags_of_another_operation_are_refused_by_a_thread() {
    by_a_thread(refuses_what_it_does_not_know, |_| ());
}

#[test]
fn a_child_changes_its_root() {
    by_a_child(|sandbox| {
        pivots(sandbox);
        has_pivoted(&sandbox.proc);
    });
}

#[test]
fn a_thread_changes_its_root() {
    by_a_thread(pivots, has_pivoted);
}
