//! Watching files.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use common::{deadline, fdinfo, number_is_close_on_exec, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::near::Pid;
use nearfar::prelude::*;

use inotify::{CreateFlags, ReadFlags, WatchFlags};

/// A directory of a test's own.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("nearfar-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// Number, inode and mask of the watches that `/proc` tells.
fn watches(pid: Pid<HostPids>, inotify: i32) -> Vec<(i32, u64, u32)> {
    let info = fdinfo(pid, inotify);
    let lines = info.lines().filter(|line| line.starts_with("inotify "));
    lines
        .map(|line| {
            let field = |name: &str| {
                let mut words = line.split_whitespace();
                let value = words.find_map(|word| word.strip_prefix(name)).unwrap();
                u64::from_str_radix(value, 16).unwrap()
            };
            (field("wd:") as i32, field("ino:"), field("mask:") as u32)
        })
        .collect()
}

fn reports<K>(task: &K, place: &str)
where
    K: InotifyTask<PidNamespace = HostPids>,
{
    let pid = task.pid();
    let directory = Directory::new(place);
    brand!(spool);
    let instance = task.inotify_init1(spool, CreateFlags::NONBLOCK).unwrap();
    let number = instance.near().as_raw();
    assert!(number >= 3 && number_is_close_on_exec(pid, number));
    assert!(watches(pid, number).is_empty());
    let mut buffer = [0; 4096];
    let error = task.inotify_read(&instance, &mut buffer).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::AGAIN));

    let flags = WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE_SELF;
    let watch = task.inotify_add_watch(&instance, directory.0.as_path(), flags).unwrap();
    let listed = watches(pid, number);
    let inode = fs::metadata(&directory.0).unwrap().ino();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].0, listed[0].1), (watch.as_raw(), inode));
    assert_eq!(listed[0].2 & 0xfff, flags.bits());
    assert_eq!(format!("{watch} {watch:?}"), "Watch(spool:1) Watch(spool:1)");

    fs::write(directory.file("a"), "").unwrap();
    fs::rename(directory.file("a"), directory.file("a longer name")).unwrap();
    fs::create_dir(directory.file("d")).unwrap();
    let events: Vec<_> = task.inotify_read(&instance, &mut buffer).unwrap().collect();
    let told: Vec<_> = events.iter().map(|event| (event.flags, event.name.unwrap())).collect();
    assert_eq!(
        told,
        [
            (ReadFlags::CREATE, OsStr::new("a")),
            (ReadFlags::MOVED_FROM, OsStr::new("a")),
            (ReadFlags::MOVED_TO, OsStr::new("a longer name")),
            (ReadFlags::CREATE | ReadFlags::ISDIR, OsStr::new("d")),
        ]
    );
    assert!(events.iter().all(|event| event.watch == Some(watch)));
    assert_eq!(events[1].cookie, events[2].cookie);
    assert!(events[1].cookie != 0 && events[0].cookie == 0);
    assert!(format!("{:?}", events[0]).starts_with("InotifyEvent { watch: Some(Watch(spool:1))"));

    // The same file has the same watch, another has another.
    let modify = WatchFlags::MODIFY | WatchFlags::MASK_ADD;
    assert_eq!(task.inotify_add_watch(&instance, &directory.0, modify).unwrap(), watch);
    assert_eq!(watches(pid, number)[0].2 & 0xfff, (flags | WatchFlags::MODIFY).bits());
    let file = directory.file("a longer name");
    let other = task.inotify_add_watch(&instance, &file, WatchFlags::ATTRIB).unwrap();
    assert_ne!(other, watch);
    fs::remove_file(&file).unwrap();
    let events: Vec<_> = task.inotify_read(&instance, &mut buffer).unwrap().collect();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.watch == Some(other) && event.name.is_none()));
    assert_eq!([events[0].flags, events[1].flags], [ReadFlags::ATTRIB, ReadFlags::IGNORED]);
    let error = task.inotify_rm_watch(&instance, other).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL), "it went with the file");

    task.inotify_rm_watch(&instance, watch).unwrap();
    assert!(watches(pid, number).is_empty());
    // Not enough room, even for one without a name.
    let error = task.inotify_read(&instance, &mut [0; 15]).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));
    let mut exactly = [0; 16];
    let mut events = task.inotify_read(&instance, &mut exactly).unwrap();
    assert!(format!("{events:?}").contains("flags: ReadFlags(IGNORED)"), "{events:?}");
    assert_eq!(events.next().unwrap().flags, ReadFlags::IGNORED);
    assert!(events.next().is_none());

    let add = |path: &str, flags| task.inotify_add_watch(&instance, path, flags).unwrap_err();
    assert_eq!(add("/nowhere", WatchFlags::OPEN).errno(), Some(Errno::NOENT));
    assert_eq!(
        add("/dev/null", WatchFlags::OPEN | WatchFlags::ONLYDIR).errno(),
        Some(Errno::NOTDIR)
    );
    assert_eq!(add("/", WatchFlags::empty()).errno(), Some(Errno::INVAL));
    assert_eq!(add("a\0b", WatchFlags::OPEN).kind(), ErrorKind::InteriorNul);
    assert_eq!(add("/", WatchFlags::from_bits_retain(1 << 20)).kind(), ErrorKind::UnknownFlags);
    brand!(never);
    let unknown = CreateFlags::from_bits_retain(1 << 20);
    let error = task.inotify_init1(never, unknown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownFlags);
}

#[test]
fn an_instance_reports_what_it_watches() {
    deadline(|| {
        let here = Task::here();
        reports(&here, "here");
        reports(&here.spawn().unwrap(), "child");
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        reports(&child, "private");
    });
}

#[test]
fn paths_start_where_the_task_is() {
    deadline(|| {
        let directory = Directory::new("relative");
        let child = Task::here().spawn().unwrap();
        child.chdir(directory.0.as_path()).unwrap();
        brand!(here_and_below);
        let instance = child.inotify_init1(here_and_below, CreateFlags::empty()).unwrap();
        let watch = child.inotify_add_watch(&instance, ".", WatchFlags::CREATE).unwrap();
        let pid = child.pid();
        let inode = fs::metadata(&directory.0).unwrap().ino();
        let listed = watches(pid, instance.near().as_raw());
        assert_eq!((listed[0].0, listed[0].1), (watch.as_raw(), inode));
        std::thread::scope(|scope| {
            let instance = &instance;
            let waiting = scope.spawn(move || {
                let mut buffer = [0; 512];
                let mut events = child.inotify_read(instance, &mut buffer).unwrap();
                let event = events.next().unwrap();
                assert_eq!((event.watch, event.name), (Some(watch), Some(OsStr::new("new"))));
                assert!(events.next().is_none());
            });
            until_blocked_in(pid, libc::SYS_read);
            fs::write(directory.file("new"), "").unwrap();
            waiting.join().unwrap();
        });
    });
}

#[test]
fn an_instance_keeps_its_watches_in_a_new_table() {
    deadline(|| {
        let here = Task::here();
        let directory = Directory::new("crossing");
        brand!(spool, private_fds);
        let instance = here.inotify_init1(spool, CreateFlags::NONBLOCK).unwrap();
        let created = WatchFlags::CREATE;
        let watch = here.inotify_add_watch(&instance, &directory.0, created).unwrap();
        let (child, its_instance) = here.spawn_with_files(private_fds, &instance).unwrap();
        fs::write(directory.file("x"), "").unwrap();
        let mut buffer = [0; 512];
        let event = child.inotify_read(&its_instance, &mut buffer).unwrap().next().unwrap();
        assert_eq!(event.watch, Some(watch));
        child.inotify_rm_watch(&its_instance, watch).unwrap();
        assert!(watches(here.pid(), instance.near().as_raw()).is_empty());
        here.close(instance).unwrap();
    });
}
