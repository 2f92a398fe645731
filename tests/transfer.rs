//! Every call of `TransferTask`, checked by std.

mod common;

use std::borrow::Cow;
use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;

use common::{deadline, on_all, on_every, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::prelude::*;

/// A file of a task with this content, its offset at the start.
fn file_with<K: far::InHostMemory>(task: &K, content: &[u8]) -> Fd<K::FdTable> {
    let file = task.memfd_create("test", MemfdFlags::empty()).unwrap();
    task.write(&file, content).unwrap();
    task.lseek(&file, SeekFrom::Start(0)).unwrap();
    file
}

/// What is in a task's file, by another open file.
fn content<K: far::Task>(task: &K, file: &Fd<K::FdTable>) -> Vec<u8> {
    let process = task.getpid().unwrap().as_raw();
    fs::read(format!("/proc/{process}/fd/{}", file.near().as_raw())).unwrap()
}

/// The offset of a task's file, as `/proc` says.
fn offset<K: far::Task>(task: &K, file: &Fd<K::FdTable>) -> u64 {
    let process = task.getpid().unwrap().as_raw();
    let path = format!("/proc/{process}/fdinfo/{}", file.near().as_raw());
    let info = fs::read_to_string(path).unwrap();
    let offset = info.lines().find_map(|line| line.strip_prefix("pos:")).unwrap();
    offset.trim().parse().unwrap()
}

/// What comes out of a pipe, in one piece.
fn drained<K: far::InHostMemory>(task: &K, pipe: &Fd<K::FdTable>) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let length = task.read(pipe, &mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

on_every! {
    fn pages_are_never_given_to_a_pipe(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        for flags in [SpliceFlags::GIFT, SpliceFlags::from_bits_retain(1 << 20)] {
            for error in [
                task.splice(&reader, None, &writer, None, 1, flags).unwrap_err(),
                task.tee(&reader, &writer, 1, flags).unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::UnknownFlags);
            }
        }
    }
}

on_all! {
    fn readv_fills_one_buffer_after_the_other(task) {
        let file = file_with(task, b"0123456789");
        let (mut first, mut second) = ([0; 3], [0; 20]);
        assert_eq!(task.readv(&file, &mut [&mut first[..], &mut second]).unwrap(), 10);
        assert_eq!((&first, &second[..7]), (b"012", &b"3456789"[..]));
        assert_eq!(offset(task, &file), 10);
        assert_eq!(task.readv(&file, &mut [&mut first]).unwrap(), 0);
    }

    fn readv_takes_all_kinds_of_buffers(task) {
        let file = file_with(task, b"0123456789");
        let (mut first, mut second) = ([0; 2], [0; 1]);
        let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(task.readv(&file, &mut slices).unwrap(), 3);
        assert_eq!((&first, &second), (b"01", b"2"));
        let mut vecs = vec![vec![0; 2]; 3];
        assert_eq!(task.readv(&file, &mut vecs).unwrap(), 6);
        assert_eq!(vecs, [b"34", b"56", b"78"]);
        task.lseek(&file, SeekFrom::Start(5)).unwrap();
        let (mut vec, mut array) = (vec![0; 3], [0; 1]);
        let mixed = &mut [IoBufMut::new(&mut vec), IoBufMut::new(&mut array)];
        assert_eq!(task.readv(&file, mixed).unwrap(), 4);
        assert_eq!((&*vec, &array), (&b"567"[..], b"8"));
        let mut rest = Vec::with_capacity(8);
        let spare: &mut [MaybeUninit<u8>] = rest.spare_capacity_mut();
        assert_eq!(task.readv(&file, &mut [spare]).unwrap(), 1);
        assert_eq!(task.readv(&file, &mut [] as &mut [&mut [u8]]).unwrap(), 0);
    }

    fn writev_writes_one_buffer_after_the_other(task) {
        let file = file_with(task, b"");
        let (first, second) = (vec![b'a'; 2], [b'b'; 2]);
        assert_eq!(task.writev(&file, &[&first[..], &second[..]]).unwrap(), 4);
        assert_eq!(task.writev(&file, &[IoSlice::new(b"cc"), IoSlice::new(b"d")]).unwrap(), 3);
        assert_eq!(task.writev(&file, &["e", "", "f"]).unwrap(), 2);
        let mixed = [IoBuf::new(&first), IoBuf::new(&second), IoBuf::new("g")];
        assert_eq!(task.writev(&file, &mixed).unwrap(), 5);
        assert_eq!(content(task, &file), b"aabbccdefaabbg");
    }

    fn what_owns_bytes_is_a_buffer(task) {
        let file = file_with(task, b"");
        assert_eq!(task.write(&file, &format!("{}", 1)).unwrap(), 1);
        assert_eq!(task.write(&file, &Box::<[u8]>::from(*b"2")).unwrap(), 1);
        assert_eq!(task.write(&file, &Arc::<str>::from("3")).unwrap(), 1);
        assert_eq!(task.write(&file, &Rc::new([b'4'])).unwrap(), 1);
        assert_eq!(task.write(&file, &String::from_utf8_lossy(b"5")).unwrap(), 1);
        assert_eq!(task.write(&file, &Cow::from(vec![b'6'])).unwrap(), 1);
        assert_eq!(task.writev(&file, &[String::from("7"), String::from("8")]).unwrap(), 2);
        assert_eq!(task.writev(&file, &[IoSliceMut::new(&mut [b'9'])]).unwrap(), 1);
        assert_eq!(content(task, &file), b"123456789");
        let mut boxed: Box<[u8]> = Box::new([0; 3]);
        assert_eq!(task.pread(&file, &mut boxed, 3).unwrap(), 3);
        assert_eq!(*boxed, *b"456");
    }

    fn writev_takes_as_many_buffers_as_the_kernel(task) {
        let file = file_with(task, b"");
        // Around how many need no allocation.
        for count in [0, 1, 7, 8, 9, 100, 1024] {
            let before = content(task, &file).len();
            let buffers: Vec<[u8; 2]> = (0..count).map(|n: u16| n.to_le_bytes()).collect();
            assert_eq!(task.writev(&file, &buffers).unwrap(), 2 * buffers.len());
            assert_eq!(content(task, &file)[before..], buffers.concat());
        }
        let error = task.writev(&file, &vec![[0]; 1025]).unwrap_err();
        assert_eq!(error.to_string(), "writev: Invalid argument (os error 22)");
    }

    fn preadv2_reads_at_an_offset_or_at_the_files(task) {
        let file = file_with(task, b"0123456789");
        let (mut a, mut b) = ([0; 2], [0; 2]);
        let no_flags = ReadWriteFlags::empty();
        let buffers = &mut [&mut a, &mut b];
        assert_eq!(task.preadv2(&file, buffers, Some(5), no_flags).unwrap(), 4);
        assert_eq!((a, b), (*b"56", *b"78"));
        assert_eq!(offset(task, &file), 0);
        assert_eq!(task.preadv2(&file, &mut [&mut a], None, ReadWriteFlags::HIPRI).unwrap(), 2);
        assert_eq!(&a, b"01");
        assert_eq!(offset(task, &file), 2);
        for far_away in [1 << 63, u64::MAX] {
            let error = task.preadv2(&file, &mut [&mut a], Some(far_away), no_flags).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
        assert_eq!(offset(task, &file), 2);
        for flags in [ReadWriteFlags::APPEND, ReadWriteFlags::from_bits_retain(1 << 20)] {
            let error = task.preadv2(&file, &mut [&mut a], None, flags).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        }
        let (reader, _writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let error = task.preadv2(&reader, &mut [&mut a], Some(0), no_flags).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SPIPE));
        let error = task.preadv2(&reader, &mut [&mut a], None, ReadWriteFlags::NOWAIT).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
    }

    fn pwritev2_writes_at_an_offset_or_at_the_files_or_at_the_end(task) {
        let file = file_with(task, b"0123456789");
        let no_flags = ReadWriteFlags::empty();
        assert_eq!(task.pwritev2(&file, &["ab", "c"], Some(6), no_flags).unwrap(), 3);
        assert_eq!(offset(task, &file), 0);
        assert_eq!(task.pwritev2(&file, &["d"], None, ReadWriteFlags::DSYNC).unwrap(), 1);
        assert_eq!(offset(task, &file), 1);
        assert_eq!(task.pwritev2(&file, &["!"], Some(0), ReadWriteFlags::APPEND).unwrap(), 1);
        assert_eq!(content(task, &file), b"d12345abc9!");
        assert_eq!(offset(task, &file), 1);
        let error = task.pwritev2(&file, &["x"], Some(u64::MAX), no_flags).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        let unknown = ReadWriteFlags::from_bits_retain(1 << 20);
        let error = task.pwritev2(&file, &["x"], None, unknown).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        assert_eq!(content(task, &file).len(), 11);
    }

    fn copy_file_range_moves_the_offsets_it_uses(task) {
        let (from, to) = (file_with(task, b"0123456789"), file_with(task, b"abcdefghij"));
        let (mut at, mut into) = (3, 8);
        let copied = task.copy_file_range(&from, Some(&mut at), &to, Some(&mut into), 4).unwrap();
        assert_eq!((copied, at, into), (4, 7, 12));
        assert_eq!(content(task, &to), b"abcdefgh3456");
        assert_eq!((offset(task, &from), offset(task, &to)), (0, 0));
        assert_eq!(task.copy_file_range(&from, None, &to, None, 2).unwrap(), 2);
        assert_eq!((offset(task, &from), offset(task, &to)), (2, 2));
        assert_eq!(content(task, &to), b"01cdefgh3456");
        // What is left, and then no more.
        assert_eq!(task.copy_file_range(&from, Some(&mut at), &to, None, 100).unwrap(), 3);
        assert_eq!(task.copy_file_range(&from, Some(&mut at), &to, None, 100).unwrap(), 0);
        assert_eq!(at, 10);
        let mut far_away = u64::MAX;
        let error = task.copy_file_range(&from, Some(&mut far_away), &to, None, 1).unwrap_err();
        assert!(matches!(error.errno(), Some(Errno::INVAL | Errno::OVERFLOW)), "{error}");
        assert_eq!(far_away, u64::MAX);
    }

    fn splice_moves_between_files_and_pipes(task) {
        let file = file_with(task, b"0123456789");
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let mut at = 4;
        let flags = SpliceFlags::MOVE | SpliceFlags::MORE;
        assert_eq!(task.splice(&file, Some(&mut at), &writer, None, 3, flags).unwrap(), 3);
        assert_eq!((at, offset(task, &file)), (7, 0));
        assert_eq!(drained(task, &reader), b"456");
        task.write(&writer, b"hello").unwrap();
        let mut into = 9;
        let flags = SpliceFlags::NONBLOCK;
        assert_eq!(task.splice(&reader, None, &file, Some(&mut into), 100, flags).unwrap(), 5);
        assert_eq!(into, 14);
        assert_eq!(content(task, &file), b"012345678hello");
        let error = task.splice(&reader, None, &file, None, 1, flags).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
        let error = task.splice(&reader, Some(&mut 0), &file, None, 1, flags).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::SPIPE));
        drop(writer);
        assert_eq!(task.splice(&reader, None, &file, None, 1, SpliceFlags::empty()).unwrap(), 0);
    }

    fn tee_leaves_in_the_pipe_what_it_copies(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let (copy, into) = task.pipe2(PipeFlags::empty()).unwrap();
        task.write(&writer, b"hello").unwrap();
        assert_eq!(task.tee(&reader, &into, 4, SpliceFlags::empty()).unwrap(), 4);
        assert_eq!(drained(task, &copy), b"hell");
        assert_eq!(drained(task, &reader), b"hello");
        let error = task.tee(&reader, &into, 4, SpliceFlags::NONBLOCK).unwrap_err();
        assert_eq!(error.to_string(), "tee: Resource temporarily unavailable (os error 11)");
    }

    fn sendfile_copies_a_file_into_a_pipe(task) {
        let file = file_with(task, b"0123456789");
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let mut at = 6;
        assert_eq!(task.sendfile(&writer, &file, Some(&mut at), 2).unwrap(), 2);
        assert_eq!((at, offset(task, &file)), (8, 0));
        assert_eq!(task.sendfile(&writer, &file, None, 2).unwrap(), 2);
        assert_eq!(offset(task, &file), 2);
        assert_eq!(drained(task, &reader), b"6701");
        let mut far_away = 1 << 63;
        let error = task.sendfile(&writer, &file, Some(&mut far_away), 2).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
        let error = task.sendfile(&file, &reader, None, 2).unwrap_err();
        assert_eq!(error.to_string(), "sendfile: Invalid argument (os error 22)");
    }
}

#[test]
fn a_child_killed_in_readv_writes_nothing_afterwards() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let mut buffers = [[0_u8; 4]; 16];
        std::thread::scope(|scope| {
            let buffers = &mut buffers;
            let waiting = scope.spawn(move || child.readv(&reader, buffers));
            until_blocked_in(pid, libc::SYS_readv);
            killer.kill().unwrap();
            assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::Hangup);
        });
        // Nobody reads any more.
        assert_eq!(here.write(&writer, b"late").unwrap_err().errno(), Some(Errno::PIPE));
        assert_eq!(buffers, [[0; 4]; 16]);
    });
}

#[test]
fn a_file_is_copied_by_the_child_for_this_process() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let [from, to] = ["from", "to"].map(|name| {
            fs::File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC).unwrap())
        });
        from.write_all_at(b"hello", 0).unwrap();
        assert_eq!(child.copy_file_range(&from, None, &to, None, 100).unwrap(), 5);
        let mut copied = [0; 5];
        to.read_exact_at(&mut copied, 0).unwrap();
        assert_eq!(&copied, b"hello");
    });
}
