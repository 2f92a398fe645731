//! Every call of `MetadataTask`, checked by std and rustix.

mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use common::{Scratch, deadline, on_all, on_every, passes};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use rustix::fs::{StatxAttributes, UTIME_NOW, UTIME_OMIT};

const UNKNOWN: AtFlags = AtFlags::REMOVEDIR;

fn create<K: far::Task>(task: &K, path: &Path) -> Fd<K::FdTable> {
    let flags = OFlags::CREATE | OFlags::RDWR;
    task.openat(Cwd, path, flags, Mode::RUSR | Mode::WUSR).unwrap()
}

fn permissions(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Owner and group.
fn owners(path: &Path) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.uid(), metadata.gid())
}

/// When it was last read and written.
fn times(path: &Path) -> [(i64, i64); 2] {
    let metadata = fs::symlink_metadata(path).unwrap();
    [(metadata.atime(), metadata.atime_nsec()), (metadata.mtime(), metadata.mtime_nsec())]
}

fn timestamps(access: (i64, i64), modification: (i64, i64)) -> Timestamps {
    let timespec = |(tv_sec, tv_nsec)| Timespec { tv_sec, tv_nsec };
    Timestamps { last_access: timespec(access), last_modification: timespec(modification) }
}

on_every! {
    fn faccessat2_says_what_may_be_done(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        drop(create(task, &scratch.join("file")));
        let may = |path: &str, access, flags| {
            task.faccessat2(&directory, path, access, flags).map_err(|error| error.errno().unwrap())
        };
        assert_eq!(may("file", Access::READ_OK | Access::WRITE_OK, AtFlags::empty()), Ok(()));
        // Also root may not execute what nobody may.
        assert_eq!(may("file", Access::EXEC_OK, AtFlags::EACCESS), Err(Errno::ACCESS));
        assert_eq!(may("nowhere", Access::EXISTS, AtFlags::empty()), Err(Errno::NOENT));
        symlink("nowhere", scratch.join("link")).unwrap();
        assert_eq!(may("link", Access::EXISTS, AtFlags::empty()), Err(Errno::NOENT));
        assert_eq!(may("link", Access::EXISTS, AtFlags::SYMLINK_NOFOLLOW), Ok(()));
        assert_eq!(may("", Access::EXISTS, AtFlags::EMPTY_PATH), Ok(()));
        for (access, flags) in [
            (Access::from_bits_retain(1 << 4), AtFlags::empty()),
            (Access::EXISTS, AtFlags::NO_AUTOMOUNT),
        ] {
            let error = task.faccessat2(Cwd, "/", access, flags).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        }
    }

    fn fchmodat_and_fchmod_set_permissions(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let path = scratch.join("file");
        let file = create(task, &path);
        task.fchmodat(&directory, "file", Mode::RWXU, AtFlags::empty()).unwrap();
        assert_eq!(permissions(&path), 0o700);
        // What is not permissions is left out.
        task.fchmod(&file, Mode::from_bits_retain(0o170_640)).unwrap();
        assert_eq!(permissions(&path), 0o640);
        match task.fchmodat(&file, "", Mode::RUSR, AtFlags::EMPTY_PATH) {
            Ok(()) => {
                assert_eq!(permissions(&path), 0o400);
                symlink("file", scratch.join("link")).unwrap();
                let link =
                    task.fchmodat(&directory, "link", Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW);
                assert_eq!(link.unwrap_err().errno(), Some(Errno::OPNOTSUPP));
            }
            Err(error) => assert_eq!(error.errno(), Some(Errno::NOSYS)),
        }
        let unknown = task.fchmodat(&directory, "file", Mode::RWXU, UNKNOWN).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
        let path = task.openat(&directory, "file", OFlags::PATH, Mode::empty()).unwrap();
        assert_eq!(task.fchmod(&path, Mode::RWXU).unwrap_err().errno(), Some(Errno::BADF));
    }

    fn fchownat_and_fchown_set_owner_and_group(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let [path, link] = ["file", "link"].map(|name| scratch.join(name));
        let file = create(task, &path);
        symlink("file", &link).unwrap();
        let before = owners(&path);
        let (uid, gid) = (Some(Uid::from_raw(1234)), Some(Gid::from_raw(5678)));
        let no_flags = AtFlags::empty();
        task.fchown(&file, None, None).unwrap();
        assert_eq!(owners(&path), before);
        let set = task.fchownat(&directory, "link", uid, None, no_flags);
        if !rustix::process::geteuid().is_root() {
            assert_eq!(set.unwrap_err().errno(), Some(Errno::PERM));
            return;
        }
        set.unwrap();
        assert_eq!(owners(&path), (1234, before.1));
        assert_eq!(owners(&link), before);
        task.fchownat(&directory, "link", None, gid, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        assert_eq!(owners(&path), (1234, before.1));
        assert_eq!(owners(&link), (before.0, 5678));
        task.fchown(&file, Some(Uid::from_raw(before.0)), gid).unwrap();
        assert_eq!(owners(&path), (before.0, 5678));
        task.fchownat(&file, "", uid, gid, AtFlags::EMPTY_PATH).unwrap();
        assert_eq!(owners(&path), (1234, 5678));
        let unknown = task.fchownat(&directory, "file", None, None, UNKNOWN).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
    }

    fn utimensat_and_futimens_set_times(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let [path, link] = ["file", "link"].map(|name| scratch.join(name));
        let file = create(task, &path);
        symlink("file", &link).unwrap();
        let (access, modification) = ((1_000_000_007, 123_456_789), (1_234_567_890, 5));
        let both = timestamps(access, modification);
        task.utimensat(&directory, "link", &both, AtFlags::empty()).unwrap();
        assert_eq!(times(&path), [access, modification]);
        assert_ne!(times(&link)[1], modification);
        task.utimensat(&directory, "link", &both, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        assert_eq!(times(&link)[1], modification);
        task.futimens(&file, &timestamps((0, UTIME_OMIT), (-1, 0))).unwrap();
        assert_eq!(times(&path), [access, (-1, 0)]);
        task.utimensat(&file, "", &timestamps((2, 0), (0, UTIME_OMIT)), AtFlags::EMPTY_PATH).unwrap();
        assert_eq!(times(&path), [(2, 0), (-1, 0)]);
        task.futimens(&file, &timestamps((0, UTIME_NOW), (0, UTIME_NOW))).unwrap();
        assert!(times(&path).iter().all(|&(seconds, _)| seconds > modification.0));
        let error = task.futimens(&file, &timestamps((0, 1_000_000_000), (0, 0))).unwrap_err();
        assert_eq!(error.to_string(), "utimensat: Invalid argument (os error 22)");
        let unknown = task.utimensat(&directory, "file", &both, UNKNOWN).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
    }

    fn statfs_and_fstatfs_say_what_rustix_says(task) {
        let proc = task.openat(Cwd, "/proc", OFlags::PATH, Mode::empty()).unwrap();
        for found in [task.statfs("/proc").unwrap(), task.fstatfs(&proc).unwrap()] {
            assert_eq!(found.f_type, rustix::fs::PROC_SUPER_MAGIC);
        }
        let scratch = Scratch::new();
        let expected = rustix::fs::statfs(scratch.join("")).unwrap();
        let directory = scratch.open(task);
        for found in
            [task.statfs(scratch.join("")).unwrap(), task.fstatfs(&directory).unwrap()]
        {
            assert_eq!((found.f_type, found.f_bsize), (expected.f_type, expected.f_bsize));
            assert_eq!((found.f_blocks, found.f_files), (expected.f_blocks, expected.f_files));
            assert_eq!((found.f_namelen, found.f_flags), (expected.f_namelen, expected.f_flags));
        }
        let nowhere = task.statfs("/nowhere").unwrap_err();
        assert_eq!(nowhere.to_string(), "statfs: No such file or directory (os error 2)");
    }

    fn extended_attributes_are_set_read_listed_and_removed(task) {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        let file = create(task, &path);
        let errno = |error: nearfar::Error| error.errno().unwrap();
        let none = XattrFlags::empty();
        let set = |name: &str, value: &[u8], flags| {
            task.fsetxattr(&file, name, value, flags).map_err(errno)
        };
        if set("user.empty", b"", none) == Err(Errno::NOTSUP) {
            crate::common::skip("the file system of the tests' files has no user attributes");
            return;
        }
        assert_eq!(set("user.empty", b"", XattrFlags::CREATE), Err(Errno::EXIST));
        assert_eq!(set("user.other", b"", XattrFlags::REPLACE), Err(Errno::NODATA));
        assert_eq!(task.fgetxattr(&file, "user.empty").unwrap(), b"");
        // Around the size of the first buffer.
        for length in [1, 255, 256, 257, 2000] {
            let value = vec![b'x'; length];
            set("user.value", &value, none).unwrap();
            assert_eq!(task.fgetxattr(&file, "user.value").unwrap(), value);
            let mut seen = Vec::with_capacity(4096);
            rustix::fs::getxattr(&path, "user.value", rustix::buffer::spare_capacity(&mut seen))
                .unwrap();
            assert_eq!(seen, value);
        }
        set("user.value", b"", none).unwrap();
        let long: Vec<String> = (0..9).map(|n| format!("user.{n}{}", "x".repeat(50))).collect();
        long.iter().for_each(|name| set(name, b"\0\xff", none).unwrap());
        let names = task.flistxattr(&file).unwrap();
        let names: BTreeSet<_> = names
            .into_iter()
            .filter(|name| name.as_encoded_bytes().starts_with(b"user."))
            .collect();
        let mut expected: BTreeSet<OsString> = long.iter().map(OsString::from).collect();
        expected.extend(["user.empty".into(), "user.value".into()]);
        assert_eq!(names, expected);
        task.fremovexattr(&file, "user.value").unwrap();
        assert_eq!(task.fgetxattr(&file, "user.value").map_err(errno), Err(Errno::NODATA));
        assert_eq!(task.fremovexattr(&file, "user.value").map_err(errno), Err(Errno::NODATA));
        let unknown = task.fsetxattr(&file, "user.a", b"", XattrFlags::from_bits_retain(1 << 9));
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::UnknownFlags);
        let nul = task.fgetxattr(&file, "user.\0").unwrap_err();
        assert_eq!(nul.kind(), ErrorKind::InteriorNul);
    }
}

on_all! {
    fn statx_and_fstatat_say_what_std_says(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let file = create(task, &scratch.join("file"));
        task.write(&file, b"hello").unwrap();
        symlink("file", scratch.join("link")).unwrap();
        let [of_file, of_link] =
            ["file", "link"].map(|name| fs::symlink_metadata(scratch.join(name)).unwrap());
        for (path, flags, metadata) in [
            ("file", AtFlags::empty(), &of_file),
            ("link", AtFlags::empty(), &of_file),
            ("link", AtFlags::SYMLINK_NOFOLLOW, &of_link),
        ] {
            let stat = task.fstatat(&directory, path, flags).unwrap();
            assert_eq!((stat.st_ino, stat.st_size as u64), (metadata.ino(), metadata.size()));
            assert_eq!((stat.st_mode, stat.st_dev), (metadata.mode(), metadata.dev()));
            assert_eq!((stat.st_mtime, stat.st_mtime_nsec as i64), (metadata.mtime(), metadata.mtime_nsec()));
            let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
            let statx = task.statx(&directory, path, flags, mask).unwrap();
            assert_eq!((statx.stx_ino, statx.stx_size), (metadata.ino(), metadata.size()));
            assert_eq!(u32::from(statx.stx_mode), metadata.mode());
            let device = rustix::fs::makedev(statx.stx_dev_major, statx.stx_dev_minor);
            assert_eq!(device, metadata.dev());
            assert_eq!(statx.stx_mtime.tv_nsec, metadata.mtime_nsec() as u32);
            assert!(StatxFlags::from_bits_retain(statx.stx_mask).contains(StatxFlags::BASIC_STATS));
        }
        let empty = task.fstatat(&file, "", AtFlags::EMPTY_PATH).unwrap();
        assert_eq!(empty.st_ino, of_file.ino());
        let root = task.statx(Cwd, "/proc", AtFlags::STATX_DONT_SYNC, StatxFlags::INO).unwrap();
        assert!(root.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));

        let unknown = task.fstatat(Cwd, "/", AtFlags::EACCESS).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
        for (flags, mask) in [
            (UNKNOWN, StatxFlags::INO),
            (AtFlags::empty(), StatxFlags::from_bits_retain(1 << 31)),
        ] {
            let unknown = task.statx(Cwd, "/", flags, mask).unwrap_err();
            assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
        }
        let nowhere = task.statx(Cwd, "/nowhere", AtFlags::empty(), StatxFlags::INO).unwrap_err();
        assert_eq!(nowhere.to_string(), "statx: No such file or directory (os error 2)");
    }
}

#[test]
#[ignore = "a host for the test below"]
fn host_whose_child_has_another_directory() {
    let scratch = Scratch::new();
    fs::write(scratch.join("file"), "hello").unwrap();
    let here = Task::here();
    let child = here.spawn().unwrap();
    child.chdir(scratch.join("")).unwrap();
    let size = |stat: rustix::fs::Stat| stat.st_size;
    assert_eq!(child.fstatat(Cwd, "file", AtFlags::empty()).map(size).unwrap(), 5);
    assert!(here.fstatat(Cwd, "file", AtFlags::empty()).is_err());
    here.chdir(scratch.join("")).unwrap();
    assert_eq!(here.fstatat(Cwd, "file", AtFlags::empty()).map(size).unwrap(), 5);
}

#[test]
fn relative_paths_start_where_the_task_is() {
    deadline(|| passes("host_whose_child_has_another_directory"));
}
