//! Several calls in one round trip.

mod common;

use std::sync::Mutex;
use std::thread;

use common::{deadline, on_all, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::interface::Call;
use nearfar::prelude::*;

on_all! {
    fn each_call_is_made_in_order(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let (mut first, mut second) = ([0; 3], [0; 8]);
        let mut batch = task.batch();
        batch.write(&writer, b"abc").write(&writer, b"de");
        batch.read(&reader, &mut first).read(&reader, &mut second);
        assert_eq!(batch.submit(), [Ok(3), Ok(2), Ok(3), Ok(2)]);
        assert_eq!((&first, &second[..2]), (b"abc", &b"de"[..]));
    }

    fn each_is_made_whatever_comes_of_the_others(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let mut buffer = [0; 4];
        let mut batch = task.batch();
        batch.pwrite(&writer, b"x", 7).write(&reader, b"x").write(&writer, b"last");
        batch.read(&reader, &mut buffer).fsync(&writer);
        let answers = batch.submit().into_iter();
        let answers: Vec<_> =
            answers.map(|answer| answer.map_err(|error| (error.call(), error.errno()))).collect();
        let expected = [
            Err((Call::PWRITE, Some(Errno::SPIPE))),
            Err((Call::WRITE, Some(Errno::BADF))),
            Ok(4),
            Ok(4),
            Err((Call::FSYNC, Some(Errno::INVAL))),
        ];
        assert_eq!(answers, expected);
        assert_eq!(&buffer, b"last");
    }

    fn more_calls_than_go_at_once_are_made(task) {
        let file = task.memfd_create("batch", MemfdFlags::empty()).unwrap();
        let bytes: Vec<[u8; 1]> = (0..1000).map(|index| [index as u8]).collect();
        let mut batch = task.batch();
        for (index, byte) in bytes.iter().enumerate() {
            batch.pwrite(&file, byte, index as u64);
        }
        batch.fdatasync(&file);
        assert!(batch.submit().iter().all(Result::is_ok));
        let mut seen = vec![[0]; 1000];
        let mut batch = task.batch();
        for (index, byte) in seen.iter_mut().enumerate() {
            batch.pread(&file, byte, index as u64);
        }
        assert_eq!(batch.submit(), [Ok(1); 1000]);
        assert!(seen == bytes);
        assert_eq!(task.batch().submit(), []);
    }

    fn a_layer_sees_each_of_them(task) {
        let seen = Mutex::new(Vec::new());
        let no_reading = |call: Call, _: &[usize]| {
            seen.lock().unwrap().push(call);
            if call == Call::READ { Err(Errno::PERM) } else { Ok(()) }
        };
        let (reader, writer) = task.pipe2(PipeFlags::NONBLOCK).unwrap();
        let mut buffer = [0; 4];
        let watched = task.layer(&no_reading);
        let mut batch = watched.batch();
        batch.read(&reader, &mut buffer).write(&writer, b"text");
        let answers = batch.submit();
        assert_eq!(answers[0].unwrap_err().errno(), Some(Errno::PERM));
        assert_eq!(answers[1], Ok(4));
        assert_eq!(*seen.lock().unwrap(), [Call::READ, Call::WRITE]);
    }
}

#[test]
fn of_a_child_that_dies_it_is_known_what_was_not_executed() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        let [mut first, mut second, mut third] = [[0_u8; 1]; 3];
        let answers = thread::scope(|scope| {
            scope.spawn(move || {
                until_blocked_in(pid, libc::SYS_read);
                killer.kill().unwrap();
            });
            let mut batch = child.batch();
            batch.write(&writer, b"x").read(&reader, &mut first);
            batch.read(&reader, &mut second).read(&reader, &mut third);
            batch.submit()
        });
        let answers = answers.into_iter().map(|answer| answer.map_err(|error| error.kind()));
        let (hangup, not_sent) = (Err(ErrorKind::Hangup), Err(ErrorKind::NotSent));
        assert_eq!(answers.collect::<Vec<_>>(), [Ok(1), Ok(1), hangup, not_sent]);
        assert_eq!(first, *b"x");
    });
}

#[test]
fn memory_of_a_forked_child_is_read_into() {
    deadline(|| {
        brand!(child_memory);
        let child = Task::here().spawn_with_memory(child_memory).unwrap();
        let zero = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        let mut bytes = child.ptr_slice(b"something").unwrap();
        let mut batch = child.batch();
        batch.read(&zero, &mut bytes);
        assert_eq!(batch.submit(), [Ok(9)]);
        assert_eq!(bytes.to_vec(&child).unwrap(), [0; 9]);
    });
}

#[test]
fn of_a_dynamic_task_only_what_is_foreign_is_not_made() {
    deadline(|| {
        let here = Task::here();
        let (_reader, theirs) = here.pipe2(PipeFlags::empty()).unwrap();
        let theirs = theirs.erase();
        brand!(private_fds);
        let child = here.spawn_with_files(private_fds, ()).unwrap().0.erase();
        let (_reader, its) = child.pipe2(PipeFlags::empty()).unwrap();
        let mut batch = child.batch();
        batch.write(&its, b"one").write(&theirs, b"two").write(&its, b"three");
        let answers = batch.submit();
        assert_eq!((answers[0], answers[2]), (Ok(3), Ok(5)));
        assert!(matches!(answers[1].unwrap_err().kind(), ErrorKind::Mismatch(_)));
    });
}
