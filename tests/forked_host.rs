//! The host program forks by libc while tasks live: the copy leaves the original's children alone.

mod common;

use common::{deadline, duplicate, in_a_forked_copy, is_dead, numbers};
use nearfar::ErrorKind;
use nearfar::prelude::*;

/// One test, so that no other thread of this file's holds a lock when it forks.
#[test]
fn dropping_the_copies_touches_nothing_of_the_originals() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (gate, hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let (_other_reader, other) = here.pipe2(PipeFlags::empty()).unwrap();
        let shared = here.spawn().unwrap();
        brand!(private_fds);
        let (private, writer) = here.spawn_with_files(private_fds, writer).unwrap();
        brand!(child_memory, child_fds);
        let (forked, forked_writer) = here.fork(child_memory, child_fds, &other).unwrap();
        let cat = here.spawn().unwrap().program(&Program::new("cat")).fd(0, &gate).exec().unwrap();
        let cat = cat.kill_on_drop(true);
        let table = numbers(private.pid());
        let forked_table = numbers(forked.pid());
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let mut mapping = shared.mmap_anonymous(4096, access).unwrap();
        mapping.bytes().write_slice(&here, b"kept").unwrap();
        let place = here.ptr(&7_u64).unwrap();
        let file = here.file(&reader).unwrap();

        // Everything moves into the copy's closure; in the original it is forgotten there.
        let mut things = Some((shared, private, writer, forked, forked_writer, cat));
        let (shared, private, writer, forked, forked_writer, cat) = things.take().unwrap();
        let pids = (shared.pid(), private.pid(), cat.id());
        in_a_forked_copy(|| {
            // The copy has no memory in common with the child: it is dead to the copy.
            assert_eq!(shared.getpid().unwrap_err().kind(), ErrorKind::NotSent);
            // Although the two still have memory in common with this one.
            assert_eq!(forked.getpid().unwrap_err().kind(), ErrorKind::NotSent);
            // Its own memory, with what was in it, is the copy's to use and to free.
            let mut its = duplicate(&mapping);
            assert_eq!(its.bytes().to_vec(&here).unwrap()[..4], *b"kept");
            let error = its.bytes().to_vec(&shared).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotSent);
            its.bytes().write_slice(&here, b"gone").unwrap();
            drop(its);
            duplicate(&place).write(&here, &8).unwrap();
            assert_eq!(duplicate(&file).is_same_as(&here.file(&reader).unwrap()), Ok(true));
            assert_eq!(private.file(&writer).unwrap_err().kind(), ErrorKind::NotSent);
            drop(duplicate(&shared));
            drop(duplicate(&private));
            drop(duplicate(&writer));
            drop(duplicate(&forked_writer));
            drop(duplicate(&forked));
            drop(duplicate(&cat));
            // The copy can have children of its own.
            let child = here.spawn().unwrap();
            assert_eq!(child.getppid().unwrap(), Some(here.getpid().unwrap()));
            let exit = child.program(&Program::new("true")).exec().unwrap().wait().unwrap();
            assert!(exit.success());
            brand!(copy_memory, copy_fds);
            let (child, ()) = here.fork(copy_memory, copy_fds, ()).unwrap();
            let counter = child.eventfd(3, EventfdFlags::empty()).unwrap();
            assert_eq!(child.eventfd_read(&counter).unwrap(), 3);
        });

        assert!(!is_dead(pids.0) && !is_dead(pids.1) && !is_dead(pids.2));
        assert_eq!(mapping.bytes().to_vec(&shared).unwrap()[..4], *b"kept");
        assert_eq!(place.read(&shared), Ok(7));
        assert_eq!(file.is_same_as(&here.file(&reader).unwrap()), Ok(true));
        assert_eq!(shared.getpid().unwrap(), pids.0);
        assert_eq!(numbers(private.pid()), table);
        assert_eq!(forked.getpid().unwrap(), forked.pid());
        assert_eq!(numbers(forked.pid()), forked_table);
        private.write(&writer, b"x").unwrap();
        assert_eq!(here.read(&reader, &mut [0; 2]).unwrap(), 1);
        drop((gate, hold));
        assert!(cat.wait().unwrap().success());
    });
}
