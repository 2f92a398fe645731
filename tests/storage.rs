//! Every call of `StorageTask`, checked by std and `/proc`.

mod common;

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use common::{Scratch, deadline, is_close_on_exec, on_all, on_every, target, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::prelude::*;

fn create<K: far::Task>(task: &K, scratch: &Scratch, name: &str) -> Fd<K::FdTable> {
    let flags = OFlags::CREATE | OFlags::RDWR;
    task.openat(Cwd, scratch.join(name), flags, Mode::RUSR | Mode::WUSR).unwrap()
}

on_every! {
    fn truncate_and_ftruncate_set_the_size(task) {
        let scratch = Scratch::new();
        let file = create(task, &scratch, "file");
        let path = scratch.join("file");
        fs::write(&path, "0123456789").unwrap();
        task.truncate(&path, 4).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"0123");
        task.ftruncate(&file, 6).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"0123\0\0");
        for error in [
            task.truncate(&path, u64::MAX).unwrap_err(),
            task.ftruncate(&file, 1 << 63).unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
        let nowhere = task.truncate("/nowhere", 0).unwrap_err();
        assert_eq!(nowhere.to_string(), "truncate: No such file or directory (os error 2)");
    }

    fn flock_locks_the_open_file(task) {
        let scratch = Scratch::new();
        let file = create(task, &scratch, "file");
        let others = fs::File::open(scratch.join("file")).unwrap();
        task.flock(&file, FlockOperation::LockShared).unwrap();
        rustix::fs::flock(&others, FlockOperation::NonBlockingLockShared).unwrap();
        let error = task.flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::WOULDBLOCK));
        rustix::fs::flock(&others, FlockOperation::Unlock).unwrap();
        task.flock(&file, FlockOperation::LockExclusive).unwrap();
        let exclusive = FlockOperation::NonBlockingLockShared;
        assert_eq!(rustix::fs::flock(&others, exclusive), Err(Errno::WOULDBLOCK));
        // A copy is of the same open file.
        let copy = task.dup(&file).unwrap();
        task.flock(&copy, FlockOperation::Unlock).unwrap();
        rustix::fs::flock(&others, FlockOperation::NonBlockingLockExclusive).unwrap();
    }
}

on_all! {
    fn fallocate_reserves_and_punches(task) {
        let file = task.memfd_create("test", MemfdFlags::empty()).unwrap();
        let seen = || {
            let process = task.getpid().unwrap().as_raw();
            fs::File::open(format!("/proc/{process}/fd/{}", file.near().as_raw())).unwrap()
        };
        task.fallocate(&file, FallocateFlags::empty(), 4096, 4096).unwrap();
        assert_eq!(seen().metadata().unwrap().len(), 8192);
        assert_eq!(seen().metadata().unwrap().blocks(), 8);
        task.fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 16384).unwrap();
        assert_eq!(seen().metadata().unwrap().len(), 8192);
        task.pwrite(&file, b"hello", 4096).unwrap();
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        task.fallocate(&file, punch, 4096, 2).unwrap();
        let mut content = [0; 5];
        seen().read_exact_at(&mut content, 4096).unwrap();
        assert_eq!(&content, b"\0\0llo");
        for flags in [FallocateFlags::NO_HIDE_STALE, FallocateFlags::from_bits_retain(1 << 20)] {
            let error = task.fallocate(&file, flags, 0, 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        }
        let error = task.fallocate(&file, FallocateFlags::empty(), 1 << 63, 1).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    }

    fn fsync_and_fdatasync_are_of_files(task) {
        let scratch = Scratch::new();
        let file = create(task, &scratch, "file");
        task.write(&file, b"hello").unwrap();
        task.fsync(&file).unwrap();
        task.fdatasync(&file).unwrap();
        task.fsync(scratch.open(task)).unwrap();
        let (_reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let error = task.fsync(&writer).unwrap_err();
        assert_eq!(error.to_string(), "fsync: Invalid argument (os error 22)");
        let error = task.fdatasync(&writer).unwrap_err();
        assert_eq!(error.to_string(), "fdatasync: Invalid argument (os error 22)");
    }

    fn memfd_create_makes_a_file_to_be_sealed(task) {
        let file = task.memfd_create("a name", MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(target(task, &file), PathBuf::from("/memfd:a name (deleted)"));
        assert!(is_close_on_exec(task, &file));
        task.write(&file, b"hello").unwrap();
        task.fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
        assert_eq!(task.ftruncate(&file, 1).unwrap_err().errno(), Some(Errno::PERM));
        task.ftruncate(&file, 10).unwrap();

        let unsealable = task.memfd_create("", MemfdFlags::empty()).unwrap();
        let error = task.fcntl_add_seals(&unsealable, SealFlags::SHRINK).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM));
        let create = |name: &str, flags| task.memfd_create(name, flags).unwrap_err();
        let unknown = MemfdFlags::from_bits_retain(1 << 20);
        assert_eq!(create("", unknown).kind(), ErrorKind::UnknownFlags);
        // The size of pages without the flag that there are such: of the kernel.
        assert_eq!(create("", MemfdFlags::HUGE_1GB).errno(), Some(Errno::INVAL));
        assert_eq!(create(&"x".repeat(250), MemfdFlags::empty()).errno(), Some(Errno::INVAL));
        assert_eq!(create("a\0b", MemfdFlags::empty()).kind(), ErrorKind::InteriorNul);
    }
}

#[test]
fn flock_waits_until_the_lock_is_free() {
    deadline(|| {
        let scratch = Scratch::new();
        let child = Task::here().spawn().unwrap();
        let pid = child.pid();
        let file = create(&child, &scratch, "file");
        let others = fs::File::open(scratch.join("file")).unwrap();
        rustix::fs::flock(&others, FlockOperation::LockExclusive).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || child.flock(&file, FlockOperation::LockExclusive));
            until_blocked_in(pid, libc::SYS_flock);
            drop(others);
            waiting.join().unwrap().unwrap();
        });
    });
}

#[test]
fn relative_paths_start_where_the_child_is() {
    deadline(|| {
        let scratch = Scratch::new();
        fs::write(scratch.join("file"), "hello").unwrap();
        let child = Task::here().spawn().unwrap();
        child.chdir(scratch.join("")).unwrap();
        child.truncate("file", 1).unwrap();
        assert_eq!(fs::read(scratch.join("file")).unwrap(), b"h");
    });
}
