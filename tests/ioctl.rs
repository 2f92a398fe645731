//! Requests to drivers and file systems.

#![allow(unsafe_code, reason = "requests that the library does not know are unsafe")]

mod common;

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use common::{deadline, fdinfo_field, number_is_close_on_exec};
use nearfar::near::Pid;
use nearfar::prelude::*;
use nearfar::rustix::fs::IFlags;
use nearfar::task::{NamespaceType, Request};

/// A file of a test's own.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nearfar-{}-{name}", std::process::id()));
        fs::write(&path, "contents").unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _removed = fs::remove_file(&self.0);
    }
}

fn open<K: FileDescriptorTask>(task: &K, path: &str) -> Fd<K::FdTable> {
    task.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap()
}

/// Runs the same on the calling thread, on a driven child, and on one in a table of its own.
macro_rules! on_every_task {
    ($run:ident) => {
        deadline(|| {
            let here = Task::here();
            $run(&here);
            $run(&here.spawn().unwrap());
            brand!(private_fds);
            let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
            $run(&child);
        })
    };
}

fn queues<K>(task: &K)
where
    K: IoctlTask + FileDescriptorTask<PidNamespace = HostPids, AddressSpace = HostMemory>,
{
    let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
    assert_eq!(task.ioctl_fionread(&reader).unwrap(), 0);
    task.write(&writer, b"hello").unwrap();
    assert_eq!(task.ioctl_fionread(&reader).unwrap(), 5);

    let flags = || {
        let flags = fdinfo_field(task.pid(), reader.near().as_raw(), "flags");
        i32::from_str_radix(&flags, 8).unwrap() & libc::O_NONBLOCK
    };
    task.ioctl_fionbio(&reader, true).unwrap();
    assert_eq!(flags(), libc::O_NONBLOCK);
    task.ioctl_fionbio(&reader, false).unwrap();
    assert_eq!(flags(), 0);

    let file = task.openat(Cwd, "/proc/self/exe", OFlags::RDONLY, Mode::empty()).unwrap();
    let length = task.lseek(&file, SeekFrom::End(0)).unwrap();
    assert_eq!(task.ioctl_fionread(&file).unwrap(), 0);
    task.lseek(&file, SeekFrom::Start(length - 3)).unwrap();
    assert_eq!(task.ioctl_fionread(&file).unwrap(), 3);
    task.lseek(&file, SeekFrom::Start(length + 1)).unwrap();
    assert_eq!(task.ioctl_fionread(&file).unwrap_err().errno(), Some(Errno::OVERFLOW));
    let error = task.ioctl_fionread(open(task, "/dev/null")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOTTY));
}

#[test]
fn what_can_be_read_and_whether_to_wait_for_it() {
    on_every_task!(queues);
}

fn measures<K: IoctlTask + FileDescriptorTask>(task: &K) {
    let mut measured = 0;
    for entry in fs::read_dir("/sys/block").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("/dev/{name}");
        let Ok(device) = task.openat(Cwd, path.as_str(), OFlags::RDONLY, Mode::empty()) else {
            continue;
        };
        let sectors = fs::read_to_string(format!("/sys/block/{name}/size")).unwrap();
        let sectors: u64 = sectors.trim().parse().unwrap();
        assert_eq!(task.ioctl_blkgetsize64(&device).unwrap(), sectors * 512, "{name}");
        measured += 1;
    }
    if measured == 0 {
        eprintln!("no block device could be opened, so none was measured");
    }
    let error = task.ioctl_blkgetsize64(open(task, "/dev/null")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOTTY));
}

#[test]
fn block_devices_have_the_size_that_sysfs_tells() {
    on_every_task!(measures);
}

fn clones<K: IoctlTask + FileDescriptorTask>(task: &K) {
    let file = Temporary::new("attributes");
    let path = CString::new(file.0.to_str().unwrap()).unwrap();
    let opened = task.openat(Cwd, &path, OFlags::RDWR, Mode::empty()).unwrap();
    match task.ioctl_fs_ioc_getflags(&opened) {
        Ok(flags) => {
            let told = std::process::Command::new("lsattr").arg(&file.0).output();
            let told = String::from_utf8(told.unwrap().stdout).unwrap();
            let letters = told.split_whitespace().next().unwrap();
            for (flag, letter) in [
                (IFlags::IMMUTABLE, 'i'),
                (IFlags::APPEND, 'a'),
                (IFlags::NODUMP, 'd'),
                (IFlags::from_bits_retain(0x8_0000), 'e'),
            ] {
                assert_eq!(flags.contains(flag), letters.contains(letter), "{told}");
            }
        }
        Err(error) => assert!(matches!(error.errno(), Some(Errno::NOTTY | Errno::OPNOTSUPP))),
    }

    // Which file is cloned shows also where nothing can be.
    let elsewhere = open(task, "/proc/version");
    let error = task.ioctl_ficlone(&opened, &elsewhere).unwrap_err();
    assert!(matches!(error.errno(), Some(Errno::XDEV | Errno::INVAL)), "{error}");
    let directory = open(task, "/");
    let error = task.ioctl_ficlone(&opened, &directory).unwrap_err();
    assert!(matches!(error.errno(), Some(Errno::ISDIR | Errno::XDEV)), "{error}");
    let source = Temporary::new("source");
    fs::write(&source.0, "something else").unwrap();
    let path = CString::new(source.0.to_str().unwrap()).unwrap();
    let other = task.openat(Cwd, &path, OFlags::RDONLY, Mode::empty()).unwrap();
    match task.ioctl_ficlone(&opened, &other) {
        Ok(()) => assert_eq!(fs::read_to_string(&file.0).unwrap(), "something else"),
        Err(error) => {
            assert!(matches!(error.errno(), Some(Errno::OPNOTSUPP | Errno::NOTTY)), "{error}");
            assert_eq!(fs::read_to_string(&file.0).unwrap(), "contents");
        }
    }
}

#[test]
fn files_have_attributes_and_share_contents() {
    on_every_task!(clones);
}

/// The inode that identifies the namespace which a process has open.
fn namespace(pid: Pid<HostPids>, fd: i32) -> u64 {
    fs::metadata(format!("/proc/{}/fd/{fd}", pid.as_raw())).unwrap().ino()
}

fn relates<K>(task: &K)
where
    K: IoctlTask + FileDescriptorTask<PidNamespace = HostPids, AddressSpace = HostMemory>,
{
    let pid = task.pid();
    for (name, kind) in [
        ("cgroup", NamespaceType::Cgroup),
        ("ipc", NamespaceType::Ipc),
        ("mnt", NamespaceType::Mount),
        ("net", NamespaceType::Net),
        ("pid", NamespaceType::Pid),
        ("time", NamespaceType::Time),
        ("user", NamespaceType::User),
        ("uts", NamespaceType::Uts),
    ] {
        let opened = open(task, &format!("/proc/self/ns/{name}"));
        assert_eq!(task.ioctl_ns_get_nstype(&opened).unwrap(), Some(kind));
        if kind != NamespaceType::User {
            let owner = task.ioctl_ns_get_userns(&opened).unwrap();
            assert!(number_is_close_on_exec(pid, owner.near().as_raw()));
            assert_eq!(task.ioctl_ns_get_nstype(&owner).unwrap(), Some(NamespaceType::User));
        }
    }
    let net = open(task, "/proc/self/ns/net");
    let error = task.ioctl_ns_get_parent(&net).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
    let error = task.ioctl_ns_get_owner_uid(&net).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
    let user = open(task, "/proc/self/ns/user");
    let error = task.ioctl_ns_get_parent(&user).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::PERM), "outside of what the task sees");

    // A user namespace made below ours.
    let sleep = std::process::Command::new("unshare")
        .args(["--user", "--net", "sh", "-c", "echo; exec cat"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let mut other = sleep.unwrap();
    let mut ready = [0; 1];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut ready).unwrap();
    let its_user = open(task, &format!("/proc/{}/ns/user", other.id()));
    let its_net = open(task, &format!("/proc/{}/ns/net", other.id()));
    let owner = task.ioctl_ns_get_userns(&its_net).unwrap();
    let parent = task.ioctl_ns_get_parent(&its_user).unwrap();
    let inode = |fd: &Fd<_>| namespace(pid, fd.near().as_raw());
    assert_eq!(inode(&owner), inode(&its_user));
    assert_eq!(inode(&parent), inode(&user));
    assert_ne!(inode(&its_user), inode(&user));
    let uid = task.ioctl_ns_get_owner_uid(&its_user).unwrap();
    assert_eq!(uid, nearfar::rustix::process::geteuid());
    drop(other.stdin.take());
    other.wait().unwrap();

    let error = task.ioctl_ns_get_nstype(open(task, "/dev/null")).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOTTY));
}

#[test]
fn namespaces_have_kinds_parents_and_owners() {
    on_every_task!(relates);
}

/// `FIONREAD`, as a request of one's own.
struct Readable;

// SAFETY: every file that knows it writes an `int`.
unsafe impl Request for Readable {
    const NUMBER: u32 = libc::FIONREAD as u32;
    type Argument = i32;
    type Output = (i32, i32);
    fn into_argument(self) -> i32 {
        -7
    }
    fn output(returned: i32, argument: i32) -> (i32, i32) {
        (returned, argument)
    }
}

fn requests<K>(task: &K)
where
    K: IoctlTask + FileDescriptorTask<PidNamespace = HostPids, AddressSpace = HostMemory>,
{
    let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
    task.write(&writer, b"abc").unwrap();
    // SAFETY: a pipe knows it.
    assert_eq!(unsafe { task.ioctl(&reader, Readable) }.unwrap(), (0, 3));
    let null = open(task, "/dev/null");
    // SAFETY: it does not.
    let error = unsafe { task.ioctl(&null, Readable) }.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOTTY));

    // `FIOCLEX`, `FIONCLEX`
    let number = null.near().as_raw();
    // SAFETY: takes nothing, and changes a flag of this fd.
    assert_eq!(unsafe { task.ioctl_by_value(&null, 0x5450, 0) }.unwrap(), 0);
    assert!(!number_is_close_on_exec(task.pid(), number));
    // SAFETY: takes nothing, and changes a flag of this fd.
    assert_eq!(unsafe { task.ioctl_by_value(&null, 0x5451, 0) }.unwrap(), 0);
    assert!(number_is_close_on_exec(task.pid(), number));

    // `TIOCGPTPEER`, which is close-on-exec only if it is told to be.
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let master = task.openat(Cwd, "/dev/ptmx", flags, Mode::empty()).unwrap();
    // SAFETY: this is a master.
    unsafe { task.ioctl(&master, Unlock) }.unwrap();
    // SAFETY: takes flags, and returns a new fd.
    let peer = unsafe { task.ioctl_fd(&master, 0x5441, flags.bits() as usize) }.unwrap();
    assert!(peer.near().as_raw() >= 3 && number_is_close_on_exec(task.pid(), peer.near().as_raw()));
    task.write(&peer, b"xy").unwrap();
    let mut buffer = [0; 4];
    assert_eq!(task.read(&master, &mut buffer).unwrap(), 2);
}

/// `TIOCSPTLCK`, as a request of one's own.
struct Unlock;

// SAFETY: the master of a pseudoterminal reads an `int`.
unsafe impl Request for Unlock {
    const NUMBER: u32 = libc::TIOCSPTLCK as u32;
    type Argument = i32;
    type Output = ();
    fn into_argument(self) -> i32 {
        0
    }
    fn output(_returned: i32, _argument: i32) {}
}

#[test]
fn requests_of_ones_own() {
    on_every_task!(requests);
}
