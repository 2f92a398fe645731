//! File systems that are configured step by step, as the kernel lists what has become of them.

mod common;

use std::ffi::CString;
use std::fs;

use common::sandbox::{Sandbox, by_a_child, by_a_thread, refused};
use common::{deadline, map_root};
use nearfar::interface::Call;
use nearfar::prelude::*;
use nearfar::task::{FsMessage, FsMessageKind};
use nearfar::{Error, ErrorKind};

const ANYWHERE: MoveMountFlags = MoveMountFlags::empty();

fn works<K: far::Task<AddressSpace = HostMemory>>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let [one, two] = ["one", "two"].map(|name| sandbox.make_directory(name));

    let context = task.fsopen("tmpfs").unwrap();
    for (key, value) in [("source", "label"), ("size", "64k"), ("nr_inodes", "7")] {
        task.fsconfig_set_string(&context, key, value).unwrap();
    }
    let early = task.fsmount(&context, MountAttrFlags::empty()).map(drop);
    refused(early, Call::FSMOUNT, Errno::INVAL);
    refused(task.fsconfig_reconfigure(&context), Call::FSCONFIG, Errno::BUSY);
    task.fsconfig_create(&context).unwrap();
    refused(task.fsconfig_create(&context), Call::FSCONFIG, Errno::BUSY);

    // Filled before it is attached.
    let attributes = MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOATIME;
    let mount = task.fsmount(&context, attributes).unwrap();
    let flags = OFlags::CREATE | OFlags::WRONLY;
    let file = task.openat(&mount, "file", flags, Mode::RUSR | Mode::WUSR).unwrap();
    task.write(&file, b"written before").unwrap();
    assert!(sandbox.mountinfo(&one).is_empty());
    task.move_mount_fd(&mount, Cwd, &one, ANYWHERE).unwrap();
    assert_eq!(fs::read(sandbox.seen(one.join("file"))).unwrap(), b"written before");
    let listed = sandbox.mounted(&one);
    assert_eq!((listed.fstype.as_str(), listed.source.as_str()), ("tmpfs", "label"));
    assert!(listed.has("nodev") && listed.has("noatime") && !listed.has("nosuid"));
    assert!(listed.file_system_has("size=64k") && listed.file_system_has("nr_inodes=7"));
    for number in [context.near().as_raw(), mount.near().as_raw()] {
        let info = fs::read_to_string(format!("{}/fdinfo/{number}", sandbox.proc)).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        assert_ne!(flags & OFlags::CLOEXEC.bits(), 0, "close-on-exec");
    }

    // Once more, by the same context or by a new one; what is not named stays.
    task.fsconfig_set_string(&context, "size", "128k").unwrap();
    task.fsconfig_reconfigure(&context).unwrap();
    assert!(sandbox.mounted(&one).file_system_has("size=128k"));
    let picked = task.fspick(Cwd, &one, FsPickFlags::empty()).unwrap();
    task.fsconfig_set_flag(&picked, "ro").unwrap();
    refused(task.fsconfig_create(&picked), Call::FSCONFIG, Errno::BUSY);
    task.close(file).unwrap();
    task.fsconfig_reconfigure(&picked).unwrap();
    let listed = sandbox.mounted(&one);
    assert!(listed.file_system_has("ro") && listed.file_system_has("nr_inodes=7"));
    assert!(listed.file_system_has("size=128k"));
    let by_fd = task.fspick(&mount, "", FsPickFlags::FSPICK_EMPTY_PATH).unwrap();
    task.fsconfig_set_flag(&by_fd, "rw").unwrap();
    task.fsconfig_reconfigure(&by_fd).unwrap();
    assert!(sandbox.mounted(&one).file_system_has("rw"));
    let no_mount = task.fspick(Cwd, &two, FsPickFlags::empty()).map(drop);
    refused(no_mount, Call::FSPICK, Errno::INVAL);

    // A flag, and one of its own.
    let context = task.fsopen("tmpfs").unwrap();
    task.fsconfig_set_flag(&context, "ro").unwrap();
    task.fsconfig_create_exclusive(&context).unwrap();
    let mount = task.fsmount(&context, MountAttrFlags::empty()).unwrap();
    task.move_mount_fd(&mount, Cwd, &two, ANYWHERE).unwrap();
    assert!(sandbox.mounted(&two).file_system_has("ro") && sandbox.mounted(&two).has("rw"));
    let again = task.fsmount(&context, MountAttrFlags::empty()).map(drop);
    refused(again, Call::FSMOUNT, Errno::BUSY);

    // An option can be an open file.
    if kernel() < (6, 13) {
        crate::common::skip("no option is set to an open file: needs Linux 6.13");
        return;
    }
    let context = task.fsopen("overlay").unwrap();
    let path = sandbox.make_directory("overlay");
    for name in ["upper", "lower"] {
        let layer = sandbox.make_directory(name);
        fs::write(sandbox.seen(layer.join(name)), name).unwrap();
        let layer = task.openat(Cwd, &layer, OFlags::DIRECTORY, Mode::empty()).unwrap();
        task.fsconfig_set_fd(&context, "lowerdir+", &layer).unwrap();
    }
    task.fsconfig_create(&context).unwrap();
    let mount = task.fsmount(&context, MountAttrFlags::empty()).unwrap();
    task.move_mount_fd(&mount, Cwd, &path, ANYWHERE).unwrap();
    assert_eq!(sandbox.mounted(&path).fstype, "overlay");
    for name in ["upper", "lower"] {
        assert_eq!(fs::read(sandbox.seen(path.join(name))).unwrap(), name.as_bytes());
    }
}

/// Its version.
fn kernel() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

fn says_why<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    let context = task.fsopen("tmpfs").unwrap();
    assert_eq!(task.fs_messages(&context).unwrap(), []);
    let (call, invalid) = (Call::FSCONFIG, Errno::INVAL);
    refused(task.fsconfig_set_string(&context, "size", "huge"), call, invalid);
    refused(task.fsconfig_set_flag(&context, "nonsense"), call, invalid);
    let message = |text: &str| FsMessage { kind: FsMessageKind::Error, text: text.to_owned() };
    let expected =
        [message("tmpfs: Bad value for 'size'"), message("tmpfs: Unknown parameter 'nonsense'")];
    assert_eq!(task.fs_messages(&context).unwrap(), expected);
    assert_eq!(task.fs_messages(&context).unwrap(), [], "each once");
    for number in 0..9 {
        let key = format!("nonsense{number}");
        refused(task.fsconfig_set_flag(&context, key), call, invalid);
    }
    let messages = task.fs_messages(&context).unwrap();
    assert_eq!(messages.len(), 8);
    assert_eq!(messages[7].to_string(), "error: tmpfs: Unknown parameter 'nonsense8'");
    refused(task.fsconfig_set_string(&context, "source", "x".repeat(256)), call, invalid);
    // What is no context says so, and no waiting comes of it.
    let null = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let null = FsContext::from(null);
    assert_eq!(task.fs_messages(&null).unwrap(), []);
    refused(task.fsconfig_create(&null), call, invalid);
}

fn refuses_what_it_does_not_know<K: far::Task>(sandbox: &Sandbox<'_, K>) {
    let task = sandbox.task;
    for bit in [16, 1 << 31] {
        let error = task.fspick(Cwd, "/", FsPickFlags::from_bits_retain(bit)).unwrap_err();
        assert_eq!((error.call(), error.kind()), (Call::FSPICK, ErrorKind::UnknownFlags));
    }
    let context = task.fsopen("tmpfs").unwrap();
    task.fsconfig_create(&context).unwrap();
    for bit in [MountAttrFlags::MOUNT_ATTR_IDMAP, MountAttrFlags::from_bits_retain(1 << 31)] {
        let error = task.fsmount(&context, bit).unwrap_err();
        assert_eq!((error.call(), error.kind()), (Call::FSMOUNT, ErrorKind::UnknownFlags));
    }
    let error = task.fsopen("no such thing").unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::FSOPEN, Some(Errno::NODEV)));
    let error = task.fsconfig_set_string(&context, "size", "1\0m").unwrap_err();
    assert_eq!((error.call(), error.kind()), (Call::FSCONFIG, ErrorKind::InteriorNul));
}

/// An fd reaches a file system only as an fd.
fn is_told_fds<K: far::Task<AddressSpace = HostMemory>>(sandbox: &Sandbox<'_, K>) {
    const INIT: u32 = 26;
    let task = sandbox.task;
    let place = sandbox.make_directory("fuse");
    let Ok(device) = task.openat(Cwd, "/dev/fuse", OFlags::RDWR, Mode::empty()) else {
        crate::common::skip("needs /dev/fuse");
        return;
    };
    let context = task.fsopen("fuse").unwrap();
    let number = device.near().as_raw();
    let is_refused = |refused: Result<(), Error>, call: Call| {
        let error = refused.unwrap_err();
        assert_eq!((error.call(), error.kind()), (call, ErrorKind::NumberOfFd));
    };
    for key in ["fd", "rfdno", "wfdno"] {
        is_refused(task.fsconfig_set_string(&context, key, number.to_string()), Call::FSCONFIG);
        let options = format!("rootmode=40000,{key}={number},user_id=0,group_id=0");
        let options = CString::new(options).unwrap();
        let (nodev, options) = (MountFlags::NODEV, Some(&*options));
        is_refused(task.mount("none", &place, "fuse", nodev, options), Call::MOUNT);
    }
    is_refused(task.fsconfig_set_flag(&context, format!("fd={number}")), Call::FSCONFIG);
    // Only keys are looked at.
    let options = Some(c"lowerdir=fd,upperdir=fd");
    refused(
        task.mount("fd", &place, "overlay", MountFlags::NODEV, options),
        Call::MOUNT,
        Errno::NOENT,
    );
    let options = [
        ("rootmode", Some("40000")),
        ("user_id", Some("0")),
        ("group_id", Some("0")),
        ("allow_other", None),
    ];
    let unknown = [("fd", &device), ("unknown", &device)];
    let unknown = task.fsopen_with_fds("fuse", &options, &unknown).map(drop);
    refused(unknown, Call::FSCONFIG, Errno::INVAL);
    is_refused(
        task.fsopen_with_fds("fuse", &[("fd", Some("7"))], &[("fd", &device)]).map(drop),
        Call::FSCONFIG,
    );
    let context = task.fsopen_with_fds("fuse", &options, &[("fd", &device)]).unwrap();
    drop(task.fsmount(&context, MountAttrFlags::MOUNT_ATTR_NODEV).unwrap());
    // What is read there is what the file system asks.
    let mut asked = [0; 8192];
    assert!(task.read(&device, &mut asked).unwrap() > 40);
    assert_eq!(asked[4..8], INIT.to_ne_bytes());
}

#[test]
fn a_child_tells_file_systems_fds() {
    by_a_child(is_told_fds);
}

#[test]
fn a_thread_tells_file_systems_fds() {
    by_a_thread(is_told_fds, |_| ());
}

#[test]
fn a_child_makes_file_systems() {
    by_a_child(works);
}

#[test]
fn a_thread_makes_file_systems() {
    by_a_thread(works, |_| ());
}

#[test]
fn a_child_is_told_why() {
    by_a_child(says_why);
}

#[test]
fn a_thread_is_told_why() {
    by_a_thread(says_why, |_| ());
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
fn a_context_is_listed_for_a_new_table() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::USER | Namespaces::MOUNT).unwrap();
        map_root(child.pid());
        let proc = format!("/proc/{}", child.pid().as_raw());
        let context = child.fsopen("tmpfs").unwrap();
        child.fsconfig_set_string(&context, "size", "64k").unwrap();
        brand!(private_fds);
        let (child, its_context) = child.unshare_files(private_fds, &context).unwrap();
        drop(context);
        let sandbox = Sandbox::new(&child, proc);
        child.fsconfig_create(&its_context).unwrap();
        let mount = child.fsmount(&its_context, MountAttrFlags::empty()).unwrap();
        let path = sandbox.make_directory("mount");
        child.move_mount_fd(&mount, Cwd, &path, ANYWHERE).unwrap();
        assert!(sandbox.mounted(&path).file_system_has("size=64k"));
        works(&sandbox);
    });
}
