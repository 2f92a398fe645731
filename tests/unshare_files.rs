//! Private fd tables: exactly what was listed, and closes that reach them.

mod common;

use std::fs::File;
use std::os::fd::AsFd;
use std::thread;

use common::{Resource, deadline, numbers, same_open_file, share, until, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::brand::Namespace;
use nearfar::prelude::*;

fn me() -> u32 {
    std::process::id()
}

/// Runs `body`, which has to write to the other end, while `task` is blocked in a read of `blocking`.
fn while_blocked<F: Namespace>(
    task: &mut Task<F, HostMemory, HostPids>,
    blocking: &Fd<F>,
    body: impl FnOnce(),
) {
    let pid = task.pid();
    thread::scope(|scope| {
        scope.spawn(move || task.read(blocking, &mut [0; 1]).unwrap());
        until_blocked_in(pid, libc::SYS_read);
        body();
    });
}

fn sorted(mut numbers: Vec<i32>) -> Vec<i32> {
    numbers.sort_unstable();
    numbers
}

#[test]
fn the_table_holds_exactly_what_was_listed() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let far = here.fcntl_dupfd_cloexec(&reader, 500).unwrap();
        let unlisted = here.fcntl_dupfd_cloexec(&reader, 400).unwrap();
        let (moved, original) = (writer.near().as_raw(), reader.near().as_raw());

        brand!(private_fds);
        let (child, (copy, writer, far_copy)) =
            here.spawn().unwrap().unshare_files(private_fds, (&reader, writer, &far)).unwrap();

        assert!(!share(Resource::Files, me(), child.pid()));
        let (far, far_copy) = (far.near().as_raw(), far_copy.near().as_raw());
        assert_eq!(numbers(child.pid()), sorted(vec![0, 1, 2, original, moved, far]));
        assert_eq!(
            (copy.near().as_raw(), writer.near().as_raw(), far_copy),
            (original, moved, far)
        );
        assert!(same_open_file((me(), original), (child.pid(), original)));
        assert!(same_open_file((me(), far), (child.pid(), far)));
        assert!(!numbers(child.pid()).contains(&unlisted.near().as_raw()));
    });
}

#[test]
fn lists_of_every_shape_cross() {
    struct Ends<F> {
        reader: Fd<F>,
        writer: Fd<F>,
    }
    impl<F> Inherit<F> for Ends<F> {
        type Inherited<G> = Ends<G>;
        fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Ends<G>
        where
            Self: 'call,
        {
            Ends { reader: self.reader.inherit(to), writer: self.writer.inherit(to) }
        }
    }

    deadline(|| {
        let here = Task::here();
        let null = || File::open("/dev/null").unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (file, borrowed, owned) = (null(), null(), null());
        let list = (
            (),
            [Fd::from(std::os::fd::OwnedFd::from(null()))],
            vec![&file],
            Some(borrowed.as_fd()),
            None::<Fd<HostFds>>,
            Ends { reader, writer },
            std::os::fd::OwnedFd::from(owned),
        );
        brand!(private_fds);
        let (child, list) = here.spawn_with_files(private_fds, list).unwrap();
        let ((), [array], vec, some, none, ends, owned) = list;
        assert!(none.is_none());
        let some = some.unwrap();
        let handles = [&array, &vec[0], &some, &ends.reader, &ends.writer, &owned];
        let mut expected: Vec<i32> = handles.iter().map(|fd| fd.near().as_raw()).collect();
        expected.extend([0, 1, 2]);
        assert_eq!(numbers(child.pid()), sorted(expected));
        child.write(&ends.writer, b"x").unwrap();
        assert_eq!(child.read(&ends.reader, &mut [0; 2]).unwrap(), 1);
    });
}

#[test]
fn lists_behind_references_cross_as_copies() {
    deadline(|| {
        let here = Task::here();
        let open = || here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let (vec, slice, array) = (vec![open(), open()], &[open(), open()][1..], [open()]);
        brand!(private_fds);
        let (child, (of_vec, of_slice, of_array)) =
            here.spawn_with_files(private_fds, (&vec, slice, &array)).unwrap();
        assert_eq!((of_vec.len(), of_slice.len(), of_array.len()), (2, 1, 1));
        let originals = vec.iter().chain(slice).chain(&array);
        for (copy, original) in of_vec.iter().chain(&of_slice).chain(&of_array).zip(originals) {
            let (copy, original) = (copy.near().as_raw(), original.near().as_raw());
            assert!(same_open_file((child.pid(), copy), (me(), original)));
        }
    });
}

#[test]
fn what_a_list_drops_is_closed_in_the_new_table() {
    struct KeptAndDropped<F>(Fd<F>, Fd<F>);
    impl<F> Inherit<F> for KeptAndDropped<F> {
        type Inherited<G> = Fd<G>;
        fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
        where
            Self: 'call,
        {
            drop(self.1.inherit(to));
            self.0.inherit(to)
        }
    }

    deadline(|| {
        let here = Task::here();
        let kept = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let list = KeptAndDropped(kept, writer);
        let (child, kept) = here.spawn_with_files(private_fds, list).unwrap();
        // The last writer is gone.
        assert_eq!(here.read(&reader, &mut [0]), Ok(0));
        until("closed", || numbers(child.pid()) == sorted(vec![0, 1, 2, kept.near().as_raw()]));
    });
}

#[test]
fn standard_streams_become_handles_by_being_listed() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, stderr) = here.spawn_with_files(private_fds, &std::io::stderr()).unwrap();
        assert_eq!(stderr.near().as_raw(), 2);
        drop(stderr);
        until("2 is closed in the child", || numbers(child.pid()) == [0, 1]);
        assert!(numbers(me()).contains(&2));
    });
}

#[test]
fn the_same_fd_twice_is_refused_and_changes_nothing() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let child = here.spawn().unwrap();
        brand!(private_fds);
        let undone = child.try_unshare_files(private_fds, (&reader, writer, &reader)).unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::ListedTwice);
        assert_eq!(
            undone.to_string(),
            "close_range: not sent: the same fd or number is listed twice"
        );
        assert!(share(Resource::Files, me(), undone.task.pid()));

        // Task, guard and what was given away are as before.
        let [writer] = <[_; 1]>::try_from(undone.moved).unwrap();
        let (child, writer) = undone.task.unshare_files(undone.guard, writer).unwrap();
        child.write(&writer, b"x").unwrap();
        drop(writer);
        let mut buffer = [0; 2];
        assert_eq!(here.read(&reader, &mut buffer).unwrap(), 1);
        assert_eq!(here.read(&reader, &mut buffer).unwrap(), 0);
    });
}

#[test]
fn a_moved_fd_is_closed_where_it_was() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (child, reader) = here.spawn_with_files(private_fds, reader).unwrap();
        // Only the child has the reading end now.
        drop(child);
        drop(reader);
        let error = here.write(&writer, b"x").unwrap_err();
        assert_eq!(error.errno(), Some(rustix::io::Errno::PIPE));
    });
}

#[test]
fn a_second_table_leaves_the_first_to_the_sibling() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(first_fds, second_fds);
        let (first, (reader, writer)) = here.spawn_with_files(first_fds, (reader, writer)).unwrap();
        let sibling = first.spawn().unwrap();
        let (second, second_writer) = sibling.unshare_files(second_fds, &writer).unwrap();
        assert!(!share(Resource::Files, first.pid(), second.pid()));
        second.write(&second_writer, b"x").unwrap();
        assert_eq!(first.read(&reader, &mut [0; 2]).unwrap(), 1);

        // A late drop in the first table closes nothing in the second, and the other way round.
        drop(writer);
        until("closed in the first", || numbers(first.pid()).len() == 4);
        second.write(&second_writer, b"x").unwrap();
        assert_eq!(first.read(&reader, &mut [0; 2]).unwrap(), 1);
        drop(second_writer);
        assert_eq!(first.read(&reader, &mut [0; 2]).unwrap(), 0);
    });
}

#[test]
fn a_handle_that_outlives_its_table_closes_nothing() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(first_fds, second_fds);
        let (first, (kept, left)) = here.spawn_with_files(first_fds, (&writer, &reader)).unwrap();
        // The kernel's table stays the same, as nobody else has it; the brand does not.
        let (second, kept) = first.unshare_files(second_fds, kept).unwrap();
        let reopened = second.dup_at(&kept, left.near().as_raw()).unwrap();
        drop(left);
        second.getpid().unwrap();
        second.write(&reopened, b"x").unwrap();
        assert_eq!(here.read(&reader, &mut [0; 2]).unwrap(), 1);
    });
}

#[test]
fn what_is_dropped_while_one_task_leaves_is_closed_by_the_one_that_stays() {
    deadline(|| {
        let here = Task::here();
        for round in 0..300_u32 {
            let (blocking, unblock) = here.pipe2(PipeFlags::empty()).unwrap();
            brand!(first_fds, second_fds);
            let (mut stays, blocking) = here.spawn_with_files(first_fds, blocking).unwrap();
            let leaves = stays.spawn().unwrap();
            let dropped = leaves.dup(&blocking).unwrap();
            let (pid, number) = (stays.pid(), dropped.near().as_raw());
            thread::scope(|scope| {
                let (task, blocking) = (&mut stays, &blocking);
                scope.spawn(move || task.read(blocking, &mut [0; 1]).unwrap());
                until_blocked_in(pid, libc::SYS_read);
                scope.spawn(move || {
                    for _ in 0..(round * 37) % 3000 {
                        std::hint::spin_loop();
                    }
                    drop(dropped);
                });
                let (left, ()) = leaves.unshare_files(second_fds, ()).unwrap();
                here.write(&unblock, b"x").unwrap();
                left.getpid().unwrap();
            });
            until("closed where it was open", || !numbers(pid).contains(&number));
        }
    });
}

#[test]
fn dropping_a_childs_fd_ends_the_pipe_without_another_call() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (_child, writer) = here.spawn_with_files(private_fds, writer).unwrap();
        drop(writer);
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
    });
}

#[test]
fn what_is_dropped_right_before_its_task_goes_is_closed() {
    deadline(|| {
        let here = Task::here();
        for round in 0..400 {
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            brand!(private_fds, other_fds);
            let (mut blocked, (reader, writer)) =
                here.spawn_with_files(private_fds, (reader, writer)).unwrap();
            let goes = blocked.spawn().unwrap();
            let pid = blocked.pid();
            thread::scope(|scope| {
                let (task, reader) = (&mut blocked, &reader);
                let end = scope.spawn(move || task.read(reader, &mut [0; 1]).unwrap());
                until_blocked_in(pid, libc::SYS_read);
                // Only the task that goes can close what its sibling is waiting for.
                drop(writer);
                if round % 2 == 0 {
                    drop(goes);
                } else {
                    drop(goes.unshare_files(other_fds, ()).unwrap());
                }
                assert_eq!(end.join().unwrap(), 0);
            });
        }
    });
}

#[test]
fn what_is_dropped_before_a_stopped_task_is_closed() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (blocking, unblock) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (mut blocked, (writer, blocking)) =
            here.spawn_with_files(private_fds, (writer, blocking)).unwrap();
        let stopped = blocked.spawn().unwrap();
        let stopped_pid = stopped.pid();
        while_blocked(&mut blocked, &blocking, || {
            common::stop(stopped_pid);
            drop(writer);
            drop(stopped);
            assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
            here.write(&unblock, b"x").unwrap();
        });
    });
}

#[test]
fn closing_through_a_dead_task_closes_all_the_same() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        child.killer().kill().unwrap();
        until("dead", || common::is_dead(child.pid()));
        assert_eq!(child.close(writer).unwrap_err().kind(), ErrorKind::NotSent);
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
    });
}

#[test]
fn a_thousand_drops_at_once_are_all_closed() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        for _ in 0..3 {
            let copies: Vec<_> = (0..1000).map(|_| child.dup(&null).unwrap()).collect();
            assert_eq!(numbers(child.pid()).len(), 1004);
            drop(copies);
            child.getpid().unwrap();
            assert_eq!(numbers(child.pid()).len(), 4);
        }
    });
}

#[test]
fn while_one_task_of_a_table_is_blocked_another_closes() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (blocking, unblock) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (mut blocked, (writer, blocking)) =
            here.spawn_with_files(private_fds, (writer, &blocking)).unwrap();
        let idle = blocked.spawn().unwrap();
        while_blocked(&mut blocked, &blocking, || {
            drop(writer);
            // The end of file comes while the call still blocks.
            assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
            here.write(&unblock, b"x").unwrap();
        });
        drop(idle);
    });
}

#[test]
fn what_is_dropped_while_all_tasks_are_blocked_is_closed_when_one_is_free() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let (blocking, unblock) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (mut blocked, (writer, blocking)) =
            here.spawn_with_files(private_fds, (writer, &blocking)).unwrap();
        while_blocked(&mut blocked, &blocking, || {
            drop(writer);
            here.write(&unblock, b"x").unwrap();
            assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
        });
    });
}

#[test]
fn drops_from_many_threads_are_each_closed_once() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let helpers = [child.spawn().unwrap(), child.spawn().unwrap()];
        let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        for _ in 0..20 {
            thread::scope(|scope| {
                for _ in 0..4 {
                    let copies: Vec<_> = (0..50).map(|_| child.dup(&null).unwrap()).collect();
                    scope.spawn(move || drop(copies));
                }
                // Numbers are used again while the drops go on: closing one twice would show here.
                for _ in 0..50 {
                    let copy = child.dup(&null).unwrap();
                    child.fstat(&copy).unwrap();
                    child.close(copy).unwrap();
                }
            });
        }
        until("all are closed", || numbers(child.pid()).len() == 4);
        child.fstat(&null).unwrap();
        drop(helpers);
    });
}
