//! Mounts by fd: what is attached, changed and moved, as the kernel lists it.

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use common::sandbox::{MountInfo, Sandbox, by_a_child, by_a_thread, refused};
use common::{deadline, map_root};
use nearfar::interface::Call;
use nearfar::prelude::*;
use nearfar::{Error, ErrorKind};

const ANYWHERE: MoveMountFlags = MoveMountFlags::empty();

fn set(attr_set: MountAttrFlags) -> MountAttr {
    MountAttr { attr_set, ..MountAttr::default() }
}

fn clear(attr_clr: MountAttrFlags) -> MountAttr {
    MountAttr { attr_clr, ..MountAttr::default() }
}

/// A directory of the sandbox with a mount and a file in it.
fn mounted_with_file<K: far::Task>(sandbox: &Sandbox<'_, K>, name: &str) -> PathBuf {
    let path = sandbox.make_directory(name);
    sandbox.task.mount(name, &path, "tmpfs", MountFlags::empty(), None).unwrap();
    fs::write(sandbox.seen(path.join("file")), name).unwrap();
    path
}

/// What a path that begins at a directory leads to for the task.
fn read<K: far::Task<AddressSpace = HostMemory>>(
    task: &K,
    directory: &MountFd<K::FdTable>,
    path: &str,
) -> String {
    let file = task.openat(directory, path, OFlags::RDONLY, Mode::empty()).unwrap();
    let mut buffer = [0; 64];
    let length = task.read(&file, &mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

fn clones_and_moves<K: far::Task<AddressSpace = HostMemory>>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let one = mounted_with_file(sandbox, "one");
    let [two, three] = ["two", "three"].map(|name| sandbox.make_directory(name));
    let below = one.join("below");
    fs::create_dir(sandbox.seen(&below)).unwrap();
    task.mount("below", &below, "tmpfs", MountFlags::empty(), None).unwrap();

    // Without a clone it is a place, and nothing is new.
    let place = task.open_tree(Cwd, &one, OpenTreeFlags::empty()).unwrap();
    let link = format!("{}/fd/{}", sandbox.proc, place.near().as_raw());
    assert_eq!(fs::read_link(link).unwrap(), one);
    let (path_and_cloexec, opened) = (0o12_000_000, flags_of(sandbox, &place));
    assert_eq!(opened & path_and_cloexec, path_and_cloexec, "{opened:o}");

    // A clone is on no path, and paths begin at it.
    let before = sandbox.mountinfo(&one).len();
    let clone = task.open_tree(Cwd, &one, OpenTreeFlags::OPEN_TREE_CLONE).unwrap();
    assert_eq!(sandbox.mountinfo(&one).len(), before);
    assert_eq!(flags_of(sandbox, &clone) & path_and_cloexec, path_and_cloexec);
    assert_eq!(read(task, &clone, "file"), "one");

    // Attached, it shows the same file, but not what is mounted below.
    task.move_mount_fd(&clone, Cwd, &two, ANYWHERE).unwrap();
    assert_eq!(sandbox.mounted(&two).source, "one");
    assert_eq!(fs::read(sandbox.seen(two.join("file"))).unwrap(), b"one");
    assert!(sandbox.mountinfo(&two.join("below")).is_empty());
    drop(clone);
    assert_eq!(sandbox.mounted(&two).source, "one", "stays without the fd");

    // Relative to open directories.
    let base = task.openat(Cwd, &sandbox.directory.0, OFlags::DIRECTORY, Mode::empty()).unwrap();
    task.move_mount(&base, "two", &base, "three", ANYWHERE).unwrap();
    assert!(sandbox.mountinfo(&two).is_empty() && sandbox.mounted(&three).source == "one");
    refused(task.move_mount(&base, "two", Cwd, &three, ANYWHERE), Call::MOVE_MOUNT, Errno::INVAL);
    task.umount2(&three, UnmountFlags::empty()).unwrap();

    // With what is mounted below, between fds alone.
    let recursive = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE;
    let clone = task.open_tree(&base, "one", recursive).unwrap();
    let target = task.openat(&base, "two", OFlags::PATH, Mode::empty()).unwrap();
    refused(task.move_mount(&clone, "", &target, "", ANYWHERE), Call::MOVE_MOUNT, Errno::NOENT);
    let itself = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    task.move_mount(&clone, "", &target, "", itself).unwrap();
    assert_eq!(sandbox.mounted(&two.join("below")).source, "below");

    // Below another one, and seen when that is gone.
    let new = mounted_with_file(sandbox, "new");
    let clone = task.open_tree(Cwd, &new, OpenTreeFlags::OPEN_TREE_CLONE).unwrap();
    task.move_mount_fd(&clone, Cwd, &two, MoveMountFlags::MOVE_MOUNT_BENEATH).unwrap();
    assert_eq!(sandbox.mountinfo(&two).len(), 2);
    assert_eq!(fs::read(sandbox.seen(two.join("file"))).unwrap(), b"one");
    task.umount2(&two, UnmountFlags::DETACH).unwrap();
    assert_eq!(fs::read(sandbox.seen(two.join("file"))).unwrap(), b"new");

    // Propagating like another one.
    task.mount_change(&one, MountPropagationFlags::SHARED).unwrap();
    task.mount_bind(&one, &three).unwrap();
    task.mount_change(&three, MountPropagationFlags::PRIVATE).unwrap();
    assert_eq!(sandbox.mounted(&three).propagation, "");
    task.move_mount_set_group(Cwd, &one, &base, "three", ANYWHERE).unwrap();
    let group = sandbox.mounted(&one).propagation;
    assert!(group.contains("shared:") && sandbox.mounted(&three).propagation == group, "{group}");
    fs::create_dir(sandbox.seen(one.join("later"))).unwrap();
    task.mount("later", one.join("later"), "tmpfs", MountFlags::empty(), None).unwrap();
    assert_eq!(sandbox.mounted(&three.join("later")).source, "later");

    // A copy of the fd is one of the same mount.
    let place = MountFd::from(task.dup(&place).unwrap());
    assert_eq!(read(task, &place, "file"), "one");
    task.close(place).unwrap();
}

/// The flags of an open file, as procfs has them.
fn flags_of<K: far::Task>(sandbox: &Sandbox<'_, K>, fd: &MountFd<K::FdTable>) -> u32 {
    let info = fs::read_to_string(format!("{}/fdinfo/{}", sandbox.proc, fd.near().as_raw()));
    let info = info.unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    u32::from_str_radix(flags.trim(), 8).unwrap()
}

fn sets_and_clears<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let one = mounted_with_file(sandbox, "one");
    let below = one.join("below");
    fs::create_dir(sandbox.seen(&below)).unwrap();
    task.mount("below", &below, "tmpfs", MountFlags::empty(), None).unwrap();
    let none = AtFlags::empty();

    let all = [
        (MountAttrFlags::MOUNT_ATTR_RDONLY, "ro"),
        (MountAttrFlags::MOUNT_ATTR_NOSUID, "nosuid"),
        (MountAttrFlags::MOUNT_ATTR_NODEV, "nodev"),
        (MountAttrFlags::MOUNT_ATTR_NOEXEC, "noexec"),
        (MountAttrFlags::MOUNT_ATTR_NODIRATIME, "nodiratime"),
        (MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"),
    ];
    for (flag, name) in all {
        task.mount_setattr(Cwd, &one, none, set(flag)).unwrap();
        assert!(sandbox.mounted(&one).has(name) && !sandbox.mounted(&below).has(name), "{name}");
    }
    assert!(all.iter().all(|(_, name)| sandbox.mounted(&one).has(name)), "the others stay");
    assert!(fs::write(sandbox.seen(one.join("file")), "").is_err(), "read-only");
    fs::write(sandbox.seen(below.join("file")), "below").unwrap();
    for (flag, name) in all {
        task.mount_setattr(Cwd, &one, none, clear(flag)).unwrap();
        assert!(!sandbox.mounted(&one).has(name), "{name}");
    }
    fs::write(sandbox.seen(one.join("file")), "rewritten").unwrap();

    // Times on access are one of several.
    let noatime = set(MountAttrFlags::MOUNT_ATTR_NOATIME);
    refused(task.mount_setattr(Cwd, &one, none, noatime), Call::MOUNT_SETATTR, Errno::INVAL);
    let noatime = MountAttr { attr_clr: MountAttrFlags::MOUNT_ATTR__ATIME, ..noatime };
    task.mount_setattr(Cwd, &one, none, noatime).unwrap();
    assert!(sandbox.mounted(&one).has("noatime"));

    // Propagation, and all at once, by an fd, below too.
    let both = MountAttr {
        attr_set: MountAttrFlags::MOUNT_ATTR_RDONLY,
        attr_clr: MountAttrFlags::MOUNT_ATTR__ATIME,
        propagation: MountPropagationFlags::SHARED,
    };
    let place = task.open_tree(Cwd, &one, OpenTreeFlags::empty()).unwrap();
    refused(task.mount_setattr(&place, "", none, both), Call::MOUNT_SETATTR, Errno::NOENT);
    task.mount_setattr(&place, "", AtFlags::EMPTY_PATH | AT_RECURSIVE, both).unwrap();
    for path in [&one, &below] {
        let mount = sandbox.mounted(path);
        assert!(mount.has("ro") && mount.has("relatime") && mount.propagation.contains("shared:"));
    }
    task.mount_setattr(Cwd, &one, AT_RECURSIVE, MountAttr::default()).unwrap();
    assert!(sandbox.mounted(&below).has("ro"), "nothing was named");

    // All or none: somebody writes to the one below.
    task.mount_setattr(Cwd, &one, AT_RECURSIVE, clear(both.attr_set)).unwrap();
    let writer = fs::File::create(sandbox.seen(below.join("file"))).unwrap();
    let read_only = task.mount_setattr(Cwd, &one, AT_RECURSIVE, set(both.attr_set));
    refused(read_only, Call::MOUNT_SETATTR, Errno::BUSY);
    assert!(sandbox.mounted(&one).has("rw") && sandbox.mounted(&below).has("rw"));
    drop(writer);
}

/// Everything, read-only at a second place.
fn binds_the_root_read_only<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let view = sandbox.make_directory("view");
    let recursive = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE;
    let root = task.open_tree(Cwd, "/", recursive).unwrap();
    let read_only = MountAttr {
        attr_set: MountAttrFlags::MOUNT_ATTR_RDONLY,
        propagation: MountPropagationFlags::PRIVATE,
        ..MountAttr::default()
    };
    task.mount_setattr(&root, "", AtFlags::EMPTY_PATH | AT_RECURSIVE, read_only).unwrap();
    let listed = || {
        let text = fs::read_to_string(format!("{}/mountinfo", sandbox.proc)).unwrap();
        text.lines().map(MountInfo::parse).collect::<Vec<_>>()
    };
    let before = listed();
    task.move_mount_fd(&root, Cwd, &view, ANYWHERE).unwrap();
    let after = listed();
    let (inside, outside): (Vec<_>, Vec<_>) =
        after.iter().partition(|mount| mount.at.starts_with(&view));
    assert!(before.len() > 1 && inside.len() == before.len() && outside.len() == before.len());
    assert!(inside.iter().all(|mount| mount.has("ro")), "{inside:?}");
    let names = |mounts: &[&MountInfo]| mounts.iter().filter(|mount| mount.has("ro")).count();
    assert_eq!(names(&outside), names(&before.iter().collect::<Vec<_>>()));

    let file = sandbox.path("file");
    fs::write(sandbox.seen(&file), "written").unwrap();
    let copy = sandbox.seen(view.join(file.strip_prefix("/").unwrap()));
    assert_eq!(fs::read(&copy).unwrap(), b"written");
    let denied = fs::write(&copy, "").unwrap_err();
    assert_eq!(denied.raw_os_error(), Some(Errno::ROFS.raw_os_error()));
}

/// `userns` is a process in a user namespace in which 0 stands for `shown`.
fn shows_other_owners<K: far::Task>(sandbox: &Sandbox<'_, K>, userns: i32, shown: u32) {
    let task = sandbox.task;
    let one = mounted_with_file(sandbox, "one");
    let two = sandbox.make_directory("two");
    let path = format!("/proc/{userns}/ns/user");
    let userns = task.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
    let clone = task.open_tree(Cwd, &one, OpenTreeFlags::OPEN_TREE_CLONE).unwrap();
    let (itself, none) = (AtFlags::EMPTY_PATH, AtFlags::empty());
    task.mount_setattr_idmap(&clone, "", itself, &userns).unwrap();
    task.move_mount_fd(&clone, Cwd, &two, ANYWHERE).unwrap();
    assert!(sandbox.mounted(&two).has("idmapped") && !sandbox.mounted(&one).has("idmapped"));
    let owner = |path: &Path| fs::metadata(sandbox.seen(path.join("file"))).unwrap().uid();
    assert_eq!((owner(&one), owner(&two)), (0, shown));
    // What is attached has its owners, and a mount is no namespace.
    let attached = task.mount_setattr_idmap(Cwd, &one, none, &userns);
    refused(attached, Call::MOUNT_SETATTR, Errno::INVAL);
    let another = task.open_tree(Cwd, &one, OpenTreeFlags::OPEN_TREE_CLONE).unwrap();
    let no_namespace = task.mount_setattr_idmap(&another, "", itself, &clone);
    refused(no_namespace, Call::MOUNT_SETATTR, Errno::BADF);
}

fn refuses_what_it_does_not_know<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let one = mounted_with_file(sandbox, "one");
    let listed = || fs::read_to_string(format!("{}/mountinfo", sandbox.proc)).unwrap();
    let before = listed();
    #[track_caller]
    fn unknown<T>(result: Result<T, Error>, call: Call) {
        let Err(error) = result else { panic!("not refused") };
        assert_eq!((error.call(), error.kind()), (call, ErrorKind::UnknownFlags));
    }
    // Among them `OPEN_TREE_NAMESPACE`, which returns another kind of fd.
    for bit in [2, 4, 1 << 9, 1 << 31] {
        let flags = OpenTreeFlags::from_bits_retain(bit);
        unknown(task.open_tree(Cwd, &one, flags), Call::OPEN_TREE);
    }
    let another = MoveMountFlags::MOVE_MOUNT_SET_GROUP;
    for flags in [another, MoveMountFlags::from_bits_retain(1 << 10)] {
        unknown(task.move_mount(Cwd, &one, Cwd, &one, flags), Call::MOVE_MOUNT);
        let place = task.open_tree(Cwd, &one, OpenTreeFlags::empty()).unwrap();
        unknown(task.move_mount_fd(&place, Cwd, &one, flags), Call::MOVE_MOUNT);
    }
    let beneath = MoveMountFlags::MOVE_MOUNT_BENEATH;
    unknown(task.move_mount_set_group(Cwd, &one, Cwd, &one, beneath), Call::MOVE_MOUNT);
    for bit in [MountAttrFlags::MOUNT_ATTR_IDMAP, MountAttrFlags::from_bits_retain(1 << 31)] {
        for attr in [set(bit), clear(bit)] {
            unknown(task.mount_setattr(Cwd, &one, AtFlags::empty(), attr), Call::MOUNT_SETATTR);
        }
    }
    for propagation in [MountPropagationFlags::REC, MountPropagationFlags::SILENT] {
        let attr = MountAttr { propagation, ..MountAttr::default() };
        unknown(task.mount_setattr(Cwd, &one, AtFlags::empty(), attr), Call::MOUNT_SETATTR);
    }
    for flags in [AtFlags::REMOVEDIR, AtFlags::SYMLINK_FOLLOW] {
        let attr = set(MountAttrFlags::MOUNT_ATTR_RDONLY);
        unknown(task.mount_setattr(Cwd, &one, flags, attr), Call::MOUNT_SETATTR);
    }
    let nul = task.move_mount(Cwd, "a\0b", Cwd, &one, ANYWHERE).unwrap_err();
    assert_eq!((nul.call(), nul.kind()), (Call::MOVE_MOUNT, ErrorKind::InteriorNul));
    assert_eq!(listed(), before);
}

#[test]
fn a_child_clones_and_moves() {
    by_a_child(clones_and_moves);
}

#[test]
fn a_thread_clones_and_moves() {
    by_a_thread(clones_and_moves, |_| ());
}

#[test]
fn a_child_sets_and_clears() {
    by_a_child(sets_and_clears);
}

#[test]
fn a_thread_sets_and_clears() {
    by_a_thread(sets_and_clears, |_| ());
}

#[test]
fn a_child_has_everything_read_only() {
    by_a_child(binds_the_root_read_only);
}

#[test]
fn a_thread_has_everything_read_only() {
    by_a_thread(binds_the_root_read_only, |_| ());
}

#[test]
fn unknown_flags_are_refused_by_a_child() {
    by_a_child(refuses_what_it_does_not_know);
}

#[test]
fn unknown_flags_are_refused_by_a_thread() {
    by_a_thread(refuses_what_it_does_not_know, |_| ());
}

#[test]
fn a_child_maps_to_a_namespace_inside_its_own() {
    by_a_child(|sandbox| {
        let inside = sandbox.task.spawn().unwrap();
        inside.unshare(Namespaces::USER).unwrap();
        // That is for its parent to write, and there is but one user to be shown.
        let pid = inside.pid().as_raw();
        for (file, text) in [("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")] {
            let path = format!("/proc/{pid}/{file}");
            let file = sandbox.task.openat(Cwd, path, OFlags::WRONLY, Mode::empty()).unwrap();
            sandbox.task.write(&file, text).unwrap();
        }
        // As long as it shares this program's memory, the child may not look for its namespaces.
        let sleep = Program::new("sleep").arg("1000");
        let _process = inside.program(&sleep).exec().unwrap().kill_on_drop(true);
        shows_other_owners(sandbox, pid, rustix::process::geteuid().as_raw());
    });
}

#[test]
fn a_thread_maps_to_other_users() {
    by_a_thread(
        |sandbox| {
            let inside = sandbox.task.spawn().unwrap();
            inside.unshare(Namespaces::USER).unwrap();
            for map in ["uid_map", "gid_map"] {
                let map = format!("/proc/{}/{map}", inside.pid().as_raw());
                fs::write(map, "0 1000 1").unwrap();
            }
            shows_other_owners(sandbox, inside.pid().as_raw(), 1000);
        },
        |_| (),
    );
}

#[test]
fn a_mount_is_listed_for_a_new_table() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::USER | Namespaces::MOUNT).unwrap();
        map_root(child.pid());
        let proc = format!("/proc/{}", child.pid().as_raw());
        let clone = child.open_tree(Cwd, "/etc", OpenTreeFlags::OPEN_TREE_CLONE).unwrap();
        brand!(private_fds);
        let (child, mount) = child.unshare_files(private_fds, clone).unwrap();
        let sandbox = Sandbox::new(&child, proc);
        let etc = sandbox.make_directory("etc");
        child.move_mount_fd(&mount, Cwd, &etc, ANYWHERE).unwrap();
        let passwd = fs::read(sandbox.seen(etc.join("passwd"))).unwrap();
        assert_eq!(passwd, fs::read("/etc/passwd").unwrap());
        clones_and_moves(&sandbox);
    });
}
