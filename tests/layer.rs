//! Layers: who watches sees every call, and can refuse it.

mod common;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use common::{deadline, fds};
use nearfar::interface::{Call, Observer, SyscallInterface};
use nearfar::prelude::*;
use nearfar::{Error, far};

/// Writes down what it sees.
#[derive(Default)]
struct Recorder {
    seen: Mutex<Vec<Seen>>,
}

struct Seen {
    call: Call,
    arguments: Vec<usize>,
    answer: Result<usize, Error>,
}

impl Observer for Recorder {
    fn before(&self, _: Call, _: &[usize]) -> Result<(), Errno> {
        Ok(())
    }

    fn after(&self, call: Call, arguments: &[usize], answer: &Result<usize, Error>) {
        let seen = Seen { call, arguments: arguments.to_vec(), answer: *answer };
        self.seen.lock().unwrap().push(seen);
    }
}

impl Recorder {
    fn calls(&self) -> Vec<Call> {
        self.seen.lock().unwrap().iter().map(|seen| seen.call).collect()
    }
}

/// Refuses some calls.
struct DenyList(&'static [Call]);

impl Observer for DenyList {
    fn before(&self, call: Call, _: &[usize]) -> Result<(), Errno> {
        if self.0.contains(&call) { Err(Errno::ACCESS) } else { Ok(()) }
    }
}

fn is_recorded(task: &impl far::Task<AddressSpace = HostMemory>) {
    let recorder = Recorder::default();
    let watched = task.layer(&recorder);
    let (reader, writer) = watched.pipe2(PipeFlags::empty()).unwrap();
    assert_eq!(watched.write(&writer, b"four"), Ok(4));
    assert_eq!(watched.read(&reader, &mut [0; 8]), Ok(4));
    let error = watched.lseek(&reader, SeekFrom::Start(0)).unwrap_err();
    assert_eq!(recorder.calls(), [Call::PIPE2, Call::WRITE, Call::READ, Call::LSEEK]);
    let seen = recorder.seen.lock().unwrap();
    let Seen { arguments, answer, .. } = &seen[1];
    assert_eq!((arguments[0], arguments[2]), (writer.near().as_raw() as usize, 4));
    assert_eq!(*answer, Ok(4));
    assert_eq!(seen[3].answer, Err(error));
    drop(seen);
    // What the layer has opened is the task's own.
    assert_eq!(task.write(&writer, b"x"), Ok(1));
}

#[test]
fn every_call_of_the_calling_thread_is_seen() {
    deadline(|| is_recorded(&Task::here()));
}

#[test]
fn every_call_of_a_child_is_seen() {
    deadline(|| {
        is_recorded(&Task::here().spawn().unwrap());
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        is_recorded(&child);
    });
}

#[test]
fn what_is_refused_does_not_happen() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let before = fds(child.pid());
        let denied = DenyList(&[Call::OPENAT, Call::PIPE2]);
        let watched = child.layer(&denied);
        let error = watched.pipe2(PipeFlags::empty()).unwrap_err();
        assert_eq!((error.call(), error.errno()), (Call::PIPE2, Some(Errno::ACCESS)));
        watched.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap_err();
        assert_eq!(fds(child.pid()), before);
        watched.getpid().unwrap();
        let opened = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        assert_eq!(watched.read(&opened, &mut [0; 1]), Ok(0));
    });
}

#[test]
fn the_outer_layer_comes_first() {
    deadline(|| {
        let here = Task::here();
        let (recorder, denied) = (Recorder::default(), DenyList(&[Call::GETPID]));
        let inside = here.layer(&recorder);
        let outside = inside.layer(&denied);
        outside.getpid().unwrap_err();
        assert_eq!(recorder.calls(), []);
        // The other way round, the refusal is an answer like any other.
        let inside = here.layer(&denied);
        let outside = inside.layer(&recorder);
        let error = outside.getpid().unwrap_err();
        assert_eq!(recorder.seen.lock().unwrap()[0].answer, Err(error));
    });
}

/// Opens a file where one was closed, and panics.
struct Reopens<'a, K: far::Task> {
    task: &'a K,
    opened: RefCell<Option<Fd<K::FdTable>>>,
}

impl<K: far::Task> Observer for Reopens<'_, K> {
    fn before(&self, _: Call, _: &[usize]) -> Result<(), Errno> {
        Ok(())
    }

    fn after(&self, call: Call, _: &[usize], _: &Result<usize, Error>) {
        assert_eq!(call, Call::CLOSE);
        let zero = self.task.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        self.opened.replace(Some(zero));
        resume_unwind(Box::new("as planned"));
    }
}

#[test]
fn a_close_that_ends_in_a_panic_does_not_close_twice() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let number = null.near();
        let observer = Reopens { task: &child, opened: RefCell::new(None) };
        let watched = child.layer(&observer);
        catch_unwind(AssertUnwindSafe(|| watched.close(null))).unwrap_err();
        let zero = observer.opened.take().unwrap();
        assert_eq!(zero.near(), number);
        far::Task::interface(&child).barrier().unwrap();
        assert_eq!(child.read(&zero, &mut [1]), Ok(1));
    });
}

/// Maps memory where some has been unmapped, and panics.
struct Remaps<'a, K: far::Task> {
    task: &'a K,
    length: usize,
    mapped: RefCell<Option<Mapping<K::AddressSpace>>>,
}

impl<K: far::Task> Observer for Remaps<'_, K> {
    fn before(&self, _: Call, _: &[usize]) -> Result<(), Errno> {
        Ok(())
    }

    fn after(&self, _: Call, _: &[usize], _: &Result<usize, Error>) {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let mapping = self.task.mmap_anonymous(self.length, access).unwrap();
        self.mapped.replace(Some(mapping));
        resume_unwind(Box::new("as planned"));
    }
}

#[test]
fn an_unmapping_that_ends_in_a_panic_does_not_unmap_twice() {
    deadline(|| {
        brand!(its_memory);
        let child = Task::here().spawn_with_memory(its_memory).unwrap();
        let length = 4 << 30;
        for kept in [0, length / 2] {
            let mapping = child.mmap_anonymous(length, ProtFlags::READ).unwrap();
            let unmapped = mapping.near().slice(kept..).unwrap();
            let remaps = unmapped.length() / 2;
            let observer = Remaps { task: &child, length: remaps, mapped: RefCell::new(None) };
            let watched = child.layer(&observer);
            let unmap = || match kept {
                0 => drop(watched.munmap(mapping)),
                _ => drop(watched.mremap(mapping, kept)),
            };
            catch_unwind(AssertUnwindSafe(unmap)).unwrap_err();
            let mut mapped = observer.mapped.take().unwrap();
            assert!(
                mapped.address() >= unmapped.address() && mapped.near().end() <= unmapped.end()
            );
            far::Task::interface(&child).barrier().unwrap();
            mapped.bytes().write_slice(&child, b"still there").unwrap();
        }
    });
}
