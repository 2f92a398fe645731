//! Every call of `FileDescriptorTask`, on a local task and on a driven child.

mod common;

use std::fs;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use common::{Resource, deadline, fds, number_is_close_on_exec, numbers, same_open_file, share};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::task::{Lock, LockKind};
use rustix::fs::{MemfdFlags, SealFlags, SeekFrom};
use rustix::io::{Errno, FdFlags};

/// Runs a test body on the calling thread and on a driven child that shares its fd table.
macro_rules! on_both {
    ($(fn $name:ident($task:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check<K: FileDescriptorTask<FdTable = HostFds, AddressSpace = HostMemory>>($task: &K) {
                $body
            }

            #[test]
            fn local() {
                deadline(|| check(&Task::here()));
            }

            #[test]
            fn child() {
                deadline(|| check(&Task::here().spawn().unwrap()));
            }
        }
    )+};
}

/// An unlinked file with this content.
fn file_with(content: &[u8]) -> fs::File {
    let mut file = fs::File::from(rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

fn me() -> u32 {
    std::process::id()
}

on_both! {
    fn openat_opens_the_file_close_on_exec(task) {
        let file = task.openat(Cwd, "/proc/self/exe", OFlags::RDONLY, Mode::empty()).unwrap();
        let number = file.near().as_raw();
        assert_eq!(fds(me())[&number], fs::read_link("/proc/self/exe").unwrap());
        assert_eq!(task.fcntl_getfd(&file).unwrap(), FdFlags::CLOEXEC);
    }

    fn openat_is_relative_to_the_directory(task) {
        let flags = OFlags::DIRECTORY | OFlags::PATH;
        let directory = task.openat(Cwd, "/proc/sys", flags, Mode::empty()).unwrap();
        let file = task.openat(&directory, c"kernel/ostype", OFlags::RDONLY, Mode::empty()).unwrap();
        let mut buffer = [0; 16];
        let length = task.read(&file, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"Linux\n");
    }

    fn openat_says_which_call_failed_and_why(task) {
        let error = task.openat(Cwd, "/nowhere", OFlags::RDONLY, Mode::empty()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NOENT));
        assert_eq!(error.to_string(), "openat: No such file or directory (os error 2)");
        let error = task.openat(Cwd, "nul\0inside", OFlags::RDONLY, Mode::empty()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InteriorNul);
    }

    fn openat_refuses_flags_it_does_not_know(task) {
        let unknown = OFlags::from_bits_retain(1 << 30);
        let error = task.openat(Cwd, "/", unknown, Mode::empty()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    }

    fn read_moves_the_offset_and_ends_with_0(task) {
        let file = file_with(b"hello");
        let mut buffer = [0; 3];
        assert_eq!(task.read(&file, &mut buffer).unwrap(), 3);
        assert_eq!(&buffer, b"hel");
        assert_eq!(task.read(&file, buffer.as_mut_slice()).unwrap(), 2);
        assert_eq!(task.read(&file, &mut buffer).unwrap(), 0);
    }

    fn write_writes_where_std_reads(task) {
        let mut file = file_with(b"");
        assert_eq!(task.write(&file, b"hello").unwrap(), 5);
        assert_eq!(task.write(&file, " there").unwrap(), 6);
        let mut content = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "hello there");
    }

    fn pread_and_pwrite_leave_the_offset_alone(task) {
        let mut file = file_with(b"0123456789");
        let mut buffer = [0; 2];
        assert_eq!(task.pread(&file, &mut buffer, 4).unwrap(), 2);
        assert_eq!(&buffer, b"45");
        assert_eq!(task.pwrite(&file, b"xy", 8).unwrap(), 2);
        assert_eq!(file.stream_position().unwrap(), 0);
        let error = task.pread(&file, &mut buffer, u64::MAX).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "01234567xy");
    }

    fn lseek_moves_the_offset_std_sees(task) {
        let mut file = file_with(b"0123456789");
        assert_eq!(task.lseek(&file, SeekFrom::Start(4)).unwrap(), 4);
        assert_eq!(file.stream_position().unwrap(), 4);
        assert_eq!(task.lseek(&file, SeekFrom::Current(-1)).unwrap(), 3);
        assert_eq!(task.lseek(&file, SeekFrom::End(-2)).unwrap(), 8);
        assert_eq!(task.lseek(&file, SeekFrom::Hole(0)).unwrap(), 10);
        assert_eq!(task.lseek(&file, SeekFrom::Data(2)).unwrap(), 2);
        let error = task.lseek(&file, SeekFrom::Current(-100)).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    }

    fn close_ends_the_pipe(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        task.close(writer).unwrap();
        assert_eq!(task.read(&reader, &mut [0; 1]).unwrap(), 0);
    }

    fn dup_is_the_same_open_file(task) {
        let file = file_with(b"");
        let copy = task.dup(&file).unwrap();
        let (original, number) = (file.as_raw_fd(), copy.near().as_raw());
        assert_ne!(original, number);
        assert!(same_open_file((me(), original), (me(), number)));
        assert_eq!(task.fcntl_getfd(&copy).unwrap(), FdFlags::CLOEXEC);
    }

    fn dup_onto_replaces_what_was_in_the_slot(task) {
        let file = file_with(b"");
        let (reader, slot) = task.pipe2(PipeFlags::empty()).unwrap();
        let number = slot.near().as_raw();
        let copy = task.dup_onto(&file, slot).unwrap();
        assert_eq!(copy.near().as_raw(), number);
        assert!(same_open_file((me(), file.as_raw_fd()), (me(), number)));
        assert_eq!(task.fcntl_getfd(&copy).unwrap(), FdFlags::CLOEXEC);
        // The writer that was there is closed.
        assert_eq!(task.read(&reader, &mut [0; 1]).unwrap(), 0);
    }

    fn dup_at_takes_the_number_or_fails(task) {
        let file = file_with(b"");
        // Free, and far from where other tests' fds are: each kind of task has its own.
        let number = 900 + 10 * i32::from(std::any::type_name::<K>().contains("Local"));
        let copy = task.dup_at(&file, number).unwrap();
        assert_eq!(copy.near().as_raw(), number);
        assert!(same_open_file((me(), file.as_raw_fd()), (me(), number)));
        let error = task.dup_at(&file, number).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SlotTaken);
        assert_eq!(task.dup_at(&file, 1).unwrap_err().kind(), ErrorKind::SlotTaken);
        assert!(!fds(me()).contains_key(&(number + 1)), "the wrong copy is closed");
    }

    fn fcntl_dupfd_cloexec_starts_at_the_number(task) {
        let file = file_with(b"");
        let copy = task.fcntl_dupfd_cloexec(&file, 700).unwrap();
        assert!(copy.near().as_raw() >= 700);
        let copy = task.fcntl_dupfd_cloexec(&file, 0).unwrap();
        assert!(copy.near().as_raw() >= 3);
        let error = task.fcntl_dupfd_cloexec(&file, -1).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    }

    fn pipe2_joins_its_ends(task) {
        let (reader, writer) = task.pipe2(PipeFlags::NONBLOCK).unwrap();
        let error = task.read(&reader, &mut [0; 1]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
        task.write(&writer, b"x").unwrap();
        assert_eq!(task.read(&reader, &mut [0; 4]).unwrap(), 1);
        for end in [&reader, &writer] {
            assert_eq!(task.fcntl_getfd(end).unwrap(), FdFlags::CLOEXEC);
        }
        let unknown = PipeFlags::from_bits_retain(1 << 7);
        assert_eq!(task.pipe2(unknown).unwrap_err().kind(), ErrorKind::UnknownFlags);
    }

    fn fstat_agrees_with_std(task) {
        use std::os::unix::fs::MetadataExt;
        let file = file_with(b"hello");
        let (ours, stds) = (task.fstat(&file).unwrap(), file.metadata().unwrap());
        assert_eq!((ours.st_dev, ours.st_ino, ours.st_mode), (stds.dev(), stds.ino(), stds.mode()));
        assert_eq!(ours.st_size, 5);
    }

    fn fcntl_setfd_changes_the_flag_and_knows_no_other(task) {
        let file = file_with(b"");
        task.fcntl_setfd(&file, FdFlags::empty()).unwrap();
        assert_eq!(rustix::io::fcntl_getfd(&file).unwrap(), FdFlags::empty());
        let unknown = FdFlags::from_bits_retain(2);
        let error = task.fcntl_setfd(&file, unknown).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    }

    fn fcntl_setfl_changes_the_open_file(task) {
        let (reader, _writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let copy = task.dup(&reader).unwrap();
        task.fcntl_setfl(&reader, OFlags::NONBLOCK).unwrap();
        assert!(task.fcntl_getfl(&copy).unwrap().contains(OFlags::NONBLOCK));
        let file = file_with(b"");
        let flags = task.fcntl_getfl(&file).unwrap();
        task.fcntl_setfl(&file, flags | OFlags::APPEND).unwrap();
        assert!(rustix::fs::fcntl_getfl(&file).unwrap().contains(OFlags::APPEND));
        let unknown = OFlags::from_bits_retain(1 << 30);
        let error = task.fcntl_setfl(&file, unknown).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    }

    fn fcntl_setpipe_size_is_what_getpipe_size_says(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let size = task.fcntl_setpipe_size(&reader, 8192).unwrap();
        assert!(size >= 8192);
        assert_eq!(task.fcntl_getpipe_size(&writer).unwrap(), size);
        let error = task.fcntl_setpipe_size(&reader, usize::MAX).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    }

    fn fcntl_add_seals_seals(task) {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("sealed", flags).unwrap();
        assert_eq!(task.fcntl_get_seals(&file).unwrap(), SealFlags::empty());
        task.fcntl_add_seals(&file, SealFlags::WRITE).unwrap();
        assert_eq!(task.fcntl_get_seals(&file).unwrap(), SealFlags::WRITE);
        assert_eq!(task.write(&file, b"x").unwrap_err().errno(), Some(Errno::PERM));
        task.fcntl_add_seals(&file, SealFlags::EXEC).unwrap();
        let unknown = SealFlags::from_bits_retain(1 << 20);
        let error = task.fcntl_add_seals(&file, unknown).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
    }

    fn fcntl_ofd_locks_exclude_another_open_file(task) {
        let file = file_with(b"0123456789");
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let other = task.openat(Cwd, path, OFlags::RDWR, Mode::empty()).unwrap();
        let lock = Lock { kind: LockKind::Exclusive, start: 2, length: 3 };
        task.fcntl_ofd_setlk(&file, lock).unwrap();
        let whole = Lock { kind: LockKind::Shared, start: 0, length: 0 };
        assert_eq!(task.fcntl_ofd_getlk(&other, whole).unwrap(), Some(lock));
        let error = task.fcntl_ofd_setlk(&other, whole).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
        task.fcntl_ofd_setlk(&file, Lock { kind: LockKind::Unlocked, ..lock }).unwrap();
        assert_eq!(task.fcntl_ofd_getlk(&other, whole).unwrap(), None);
        task.fcntl_ofd_setlkw(&other, whole).unwrap();
    }

    fn fcntl_dupfd_query_knows_copies(task) {
        let file = file_with(b"");
        let copy = task.dup(&file).unwrap();
        assert!(task.fcntl_dupfd_query(&file, &copy).unwrap());
        assert!(!task.fcntl_dupfd_query(&file, file_with(b"")).unwrap());
    }

    fn std_takes_an_fd_over_and_gives_it_back(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let number = writer.near().as_raw();
        let mut file = fs::File::from(OwnedFd::from(writer));
        assert_eq!(file.as_raw_fd(), number);
        file.write_all(b"hello").unwrap();
        let writer = Fd::from(OwnedFd::from(file));
        task.close(writer).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(task.read(&reader, &mut buffer).unwrap(), 5);
        assert_eq!(task.read(&reader, &mut buffer).unwrap(), 0);
    }
}

#[test]
fn dropping_a_host_fd_closes_it_once() {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    drop(writer);
    assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_number_given_up_stays_open() {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::NONBLOCK).unwrap();
    let near = writer.into_near();
    let error = here.read(&reader, &mut [0; 1]).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::AGAIN), "the writer is still open");
    #[allow(unsafe_code, reason = "takes the number back")]
    // SAFETY: given up above by its only owner.
    drop(unsafe { OwnedFd::from_raw_fd(near.as_raw()) });
    assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
}

on_both! {
    fn a_range_is_marked_and_nothing_else(task) {
        let file = file_with(b"marked");
        let copies = [(); 3].map(|()| task.dup(&file).unwrap());
        for copy in &copies {
            task.fcntl_setfd(copy, FdFlags::empty()).unwrap();
        }
        let middle = copies[1].near().as_raw() as u32;
        task.close_range_cloexec(middle, middle).unwrap();
        let marked = copies.each_ref().map(|copy| task.fcntl_getfd(copy).unwrap());
        assert_eq!(marked, [FdFlags::empty(), FdFlags::CLOEXEC, FdFlags::empty()]);
        let error = task.close_range_cloexec(5, 4).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        // The table is still the one of this process.
        assert!(share(Resource::Files, task.getpid().unwrap().as_raw(), std::process::id()));
    }
}

#[test]
#[allow(unsafe_code, reason = "closes what nobody owns")]
fn a_range_is_closed_and_nothing_else() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let pid = child.getpid().unwrap();
        let file = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        for number in [20, 30, 40] {
            let copy = child.fcntl_dupfd_cloexec(&file, number).unwrap();
            let _number = copy.into_near();
        }
        child.fcntl_setfd(&file, FdFlags::empty()).unwrap();
        child.close_range_cloexec(0, u32::MAX).unwrap();
        assert!(numbers(pid).iter().all(|number| number_is_close_on_exec(pid, *number)));
        let before = numbers(pid);
        assert!(before.ends_with(&[20, 30, 40]));
        // SAFETY: their handles have been given up, and it is the child's table alone.
        unsafe { child.close_range(20, 39) }.unwrap();
        let left: Vec<_> =
            before.iter().copied().filter(|number| ![20, 30].contains(number)).collect();
        assert_eq!(numbers(pid), left);
        // SAFETY: closes nothing.
        let error = unsafe { child.close_range(2, 1) }.unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        child.fstat(&file).unwrap();
    });
}
