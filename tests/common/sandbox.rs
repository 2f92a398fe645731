//! A task in a mount namespace of its own, and what the kernel lists there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use super::{deadline, map_root};
use nearfar::Error;
use nearfar::far;
use nearfar::interface::{Call, Local};
use nearfar::prelude::*;

pub(crate) type Child = Task<HostFds, HostMemory, HostPids>;
pub(crate) type Here = Task<HostFds, HostMemory, HostPids, Local>;

/// An empty directory of the machine, in which mounts of other namespaces are not seen.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("nearfar-mount-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(fs::canonicalize(path).unwrap())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let removed = fs::remove_dir(&self.0);
        assert!(thread::panicking() || removed.is_ok(), "something has leaked into it");
    }
}

/// A task in a mount namespace of its own, and how to look at it from outside.
pub(crate) struct Sandbox<'task, K> {
    pub(crate) task: &'task K,
    /// `/proc/PID`, or `/proc/PID/task/TID`.
    pub(crate) proc: String,
    pub(crate) directory: Directory,
}

impl<'task> Sandbox<'task, Child> {
    pub(crate) fn of_child(child: &'task Child) -> Self {
        child.unshare(Namespaces::USER | Namespaces::MOUNT).unwrap();
        map_root(child.pid());
        Sandbox::new(child, format!("/proc/{}", child.pid().as_raw()))
    }
}

impl<'task, K: far::Task> Sandbox<'task, K> {
    pub(crate) fn new(task: &'task K, proc: String) -> Self {
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        task.mount_change("/", private).unwrap();
        let sandbox = Sandbox { task, proc, directory: Directory::new() };
        task.mount("test", &sandbox.directory.0, "tmpfs", MountFlags::empty(), None).unwrap();
        sandbox
    }

    /// A path in the directory, as the task has it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.0.join(name)
    }

    /// What is there for the task, seen from outside.
    pub(crate) fn seen(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref().strip_prefix("/").unwrap();
        Path::new(&self.proc).join("root").join(path)
    }

    pub(crate) fn make_directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(self.seen(&path)).unwrap();
        path
    }

    pub(crate) fn mountinfo(&self, path: &Path) -> Vec<MountInfo> {
        let text = fs::read_to_string(format!("{}/mountinfo", self.proc)).unwrap();
        text.lines().map(MountInfo::parse).filter(|mount| mount.at == path).collect()
    }

    /// The one mount at a path.
    #[track_caller]
    pub(crate) fn mounted(&self, path: &Path) -> MountInfo {
        let mut found = self.mountinfo(path);
        assert_eq!(found.len(), 1, "{found:?}");
        found.pop().unwrap()
    }
}

/// A line of `mountinfo`.
#[derive(Debug)]
pub(crate) struct MountInfo {
    pub(crate) root: String,
    pub(crate) at: PathBuf,
    pub(crate) options: Vec<String>,
    pub(crate) propagation: String,
    pub(crate) fstype: String,
    pub(crate) source: String,
    pub(crate) of_file_system: Vec<String>,
}

impl MountInfo {
    pub(crate) fn parse(line: &str) -> Self {
        let (mount, file_system) = line.split_once(" - ").unwrap();
        let mount: Vec<_> = mount.split(' ').collect();
        let file_system: Vec<_> = file_system.split(' ').collect();
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        MountInfo {
            root: mount[3].to_owned(),
            at: mount[4].into(),
            options: list(mount[5]),
            propagation: mount[6..].join(" "),
            fstype: file_system[0].to_owned(),
            source: file_system[1].to_owned(),
            of_file_system: list(file_system[2]),
        }
    }

    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|found| found == option)
    }

    pub(crate) fn file_system_has(&self, option: &str) -> bool {
        self.of_file_system.iter().any(|found| found == option)
    }
}

/// Has a child do it, and sees that nothing here has changed.
pub(crate) fn by_a_child(scenario: impl FnOnce(&Sandbox<'_, Child>)) {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let sandbox = Sandbox::of_child(&child);
        scenario(&sandbox);
        assert!(is_unseen_and_empty(&sandbox.directory));
    });
}

/// Has a thread do it, and then another look at it, for which nothing has changed. Needs to be root: a
/// thread among others cannot have a user namespace.
pub(crate) fn by_a_thread(
    scenario: impl FnOnce(&Sandbox<'_, Here>) + Send,
    look: impl FnOnce(&str),
) {
    deadline(|| {
        let (done, wait) = channel();
        let (end, told) = channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let here = Task::here();
                here.unshare(Namespaces::MOUNT).unwrap();
                let id = rustix::thread::gettid();
                let proc = format!("/proc/{}/task/{id}", std::process::id());
                let sandbox = Sandbox::new(&here, proc);
                scenario(&sandbox);
                done.send((sandbox.proc, sandbox.directory)).unwrap();
                // Until the other has looked.
                told.recv().unwrap_err();
            });
            let (proc, directory) = wait.recv().expect("the thread does not panic");
            look(&proc);
            assert!(is_unseen_and_empty(&directory));
            drop(end);
        });
    });
}

pub(crate) fn is_unseen_and_empty(directory: &Directory) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let seen = mounts.lines().map(MountInfo::parse).any(|mount| mount.at.starts_with(&directory.0));
    !seen && fs::read_dir(&directory.0).unwrap().next().is_none()
}

#[track_caller]
pub(crate) fn refused(result: Result<(), Error>, call: Call, errno: Errno) {
    let error = result.unwrap_err();
    assert_eq!((error.call(), error.errno()), (call, Some(errno)));
}
