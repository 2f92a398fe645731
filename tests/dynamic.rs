//! Tasks whose namespaces are known at run time: what they refuse, what they become, and that they know
//! where they are. Of single calls, see `dynamic_every_call.rs`.

#![allow(unsafe_code, reason = "filters the calls of a thread")]

mod common;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::error::Error as _;
use std::sync::Mutex;
use std::{fs, io, thread};

use common::{
    Resource, deadline, fds, is_dead, namespace, numbers, same_open_file, share, sleeping, status,
    stop, until,
};
use nearfar::brand::{Label, Namespace};
use nearfar::far::NamespaceMismatchError;
use nearfar::handle::NotRebranded;
use nearfar::interface::Call;
use nearfar::near::Pgid;
use nearfar::prelude::*;
use nearfar::rustix::thread::CapabilitySets;
use nearfar::task::{NotExecuted, PinnedTask, PinnedWith, Verdict};
use nearfar::{Dynamic, Error, ErrorKind, far};

type DynamicTask = nearfar::Task<Dynamic, Dynamic, Dynamic>;

fn me() -> u32 {
    std::process::id()
}

/// A driven task like this one.
fn child() -> DynamicTask {
    Task::here().spawn().unwrap().erase()
}

/// One in a table of its own, which has this name.
macro_rules! child_in {
    ($name:ident) => {{
        brand!($name);
        Task::here().spawn_with_files($name, ()).unwrap().0.erase()
    }};
}

fn null<K: far::Task>(task: &K) -> Fd<K::FdTable> {
    task.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap()
}

#[track_caller]
fn is_mismatch(error: impl Into<Error>) -> NamespaceMismatchError {
    let error = error.into();
    let ErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{error}") };
    mismatch
}

#[track_caller]
fn is_true(task: &impl far::Task) {
    let truth = task.verify().unwrap();
    let no_child_yet = truth.child_pid_namespace == Verdict::CannotTell(Errno::NOENT);
    assert!(truth.is_confirmed() || no_child_yet && !truth.is_refuted(), "{truth}");
}

/// That no branded call can return a mismatch.
fn is_never_mismatched<K>()
where
    K: far::Task<
            FdTable: Namespace<Mismatch = Infallible>,
            AddressSpace: Namespace<Mismatch = Infallible>,
            PidNamespace: Namespace<Mismatch = Infallible>,
            ChildPidNamespace: Namespace<Mismatch = Infallible>,
        >,
{
}

/// Whatever the labels and lifetimes: that this compiles is the test.
fn of_any_brands<'f, 'a, 'p, 'c, F, A, P, C>()
where
    F: Label + 'f,
    A: Label + 'a,
    P: Label + 'p,
    C: Label + 'c,
{
    use nearfar::interface::{Local, Ring};
    is_never_mismatched::<
        nearfar::Task<Brand<'f, F>, Brand<'a, A>, Brand<'p, P>, Ring, Brand<'c, C>>,
    >();
    is_never_mismatched::<nearfar::Task<HostFds, HostMemory, HostPids, Local>>();
    is_never_mismatched::<nearfar::Task<HostFds, Brand<'a, A>, HostPids>>();
    is_never_mismatched::<PinnedTask<'f, 'f>>();
    is_never_mismatched::<PinnedWith<'f, 'f, HostMemory>>();
}

#[test]
fn branded_tasks_have_no_mismatch_to_tell_of() {
    enum Anything {}
    impl Label for Anything {
        const NAME: &'static str = "anything";
    }
    of_any_brands::<Anything, Anything, Anything, Anything>();
}

#[test]
fn a_refusal_is_an_error_like_any_other() {
    fn travels<E: Send + Sync + 'static>(_: &E) {}
    deadline(|| {
        let (task, foreign) = (child_in!(workers_fds), null(&Task::here()).erase());
        let error = task.fstat(&foreign).unwrap_err();
        travels(&error);
        assert_eq!((error.call(), error.errno()), (Call::FSTAT, None));
        let text = format!(
            "fstat: not sent: the fd is one of FdTable(host_fds), but the task lives in {}",
            far::Task::fd_table(&task)
        );
        assert_eq!(error.to_string(), text);
        assert!(text.contains("FdTable(workers_fds, #"));
        assert!(text.ends_with(&format!("made by process {})", me())));

        let mismatch = is_mismatch(error);
        assert!(matches!(mismatch, NamespaceMismatchError::FdTable(_)));
        let source = error.source().unwrap().downcast_ref::<NamespaceMismatchError>().unwrap();
        assert_eq!(*source, mismatch);
        assert_eq!(text, format!("fstat: not sent: {mismatch}"));
        assert!(source.source().is_none());

        let io = io::Error::from(error);
        assert_eq!((io.kind(), io.raw_os_error()), (io::ErrorKind::InvalidInput, None));
        assert_eq!(io.to_string(), text);
        let inner = io.get_ref().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(is_mismatch(*inner), mismatch);

        // The same again is the same error, and others are others.
        assert_eq!(is_mismatch(task.fstat(&foreign).unwrap_err()), mismatch);
        let other = child_in!(workers_fds);
        assert_ne!(is_mismatch(other.fstat(&foreign).unwrap_err()), mismatch);
    });
}

#[test]
fn transitions_refuse_what_is_foreign_and_send_nothing() {
    deadline(|| {
        let (mut task, other) = (child_in!(workers_fds), child_in!(others_fds));
        let (own, sleep) = (null(&task), Program::new("sleep").arg("1000"));
        let (foreign, hosts) = (null(&other), null(&Task::here()).erase());
        let number = own.near().as_raw();
        let sides =
            [far::Task::fd_table(&other).to_string(), far::Task::fd_table(&task).to_string()];
        let names_both = |error: Error| {
            let text = is_mismatch(error).to_string();
            assert!(sides.iter().all(|side| text.contains(side)), "{text}");
        };
        // Whatever is sent to it from here on is not answered.
        stop(task.host_pid());

        names_both(task.unshare_files_in_place(&foreign).unwrap_err().error);
        names_both(task.unshare_files_in_place((&own, Some(&foreign))).unwrap_err().error);
        names_both(task.setns_pid_in_place(&foreign).unwrap_err());
        let undone = task.unshare_files_in_place((own, foreign)).unwrap_err();
        names_both(undone.error);
        let [own, foreign] = <[_; 2]>::try_from(undone.moved).unwrap();
        assert_eq!(own.near().as_raw(), number);
        other.fstat(&foreign).unwrap();

        brand!(new_fds, new_pids);
        let undone = task.try_unshare_files(new_fds, [&foreign]).unwrap_err();
        names_both(undone.error);
        let undone = undone.task.try_setns_pid(new_pids, &foreign).unwrap_err();
        names_both(undone.error);
        let NotExecuted { error, task, .. } =
            undone.task.program(&sleep).fd(0, &own).fd(1, &foreign).try_exec().unwrap_err();
        names_both(error);
        let NotExecuted { error, task, .. } =
            task.program_at(&foreign, &sleep).try_exec().unwrap_err();
        names_both(error);
        let NotExecuted { error, task, .. } =
            task.program(&sleep).fd(0, &hosts).try_exec().unwrap_err();
        assert!(error.to_string().contains("one of FdTable(host_fds)"));
        // Whoever takes the copy, it is of the owner's table.
        names_both(Task::here().pidfd_getfd(&task, &foreign).unwrap_err());

        assert_eq!(common::state(task.host_pid()), Some('T'));
        let pidfd = Task::here().pidfd_open(task.host_pid()).unwrap();
        Task::here().pidfd_send_signal(&pidfd, Signal::CONT).unwrap();
        task.fstat(&own).unwrap();
        is_true(&task);
        // What could not be given back to anybody is dropped with the task.
        let error = task.program(&sleep).fd(0, &foreign).exec().unwrap_err();
        names_both(error);
    });
}

#[test]
fn what_a_refused_call_was_given_is_closed_where_it_was_open() {
    deadline(|| {
        let (task, other) = (child_in!(workers_fds), child_in!(others_fds));
        let (own, foreign) = (null(&task), null(&other));
        assert_eq!(own.near().as_raw(), foreign.near().as_raw());
        is_mismatch(task.close(foreign).unwrap_err());
        other.getpid().unwrap();
        assert_eq!(numbers(other.host_pid()), [0, 1, 2]);
        let slot = null(&other);
        is_mismatch(task.dup_onto(&own, slot).unwrap_err());
        other.getpid().unwrap();
        assert_eq!(numbers(other.host_pid()), [0, 1, 2]);
        task.fstat(&own).unwrap();
        assert_eq!(numbers(task.host_pid()), [0, 1, 2, own.near().as_raw()]);
    });
}

#[test]
fn a_new_table_of_a_dynamic_tasks_child_takes_nothing_foreign() {
    deadline(|| {
        let (task, foreign) = (child_in!(workers_fds), null(&Task::here()).erase());
        let own = null(&task);
        brand!(first_fds, second_fds, third_fds, memory);
        is_mismatch(task.spawn_with_files(first_fds, &foreign).unwrap_err());
        is_mismatch(task.fork(memory, second_fds, [&own, &foreign]).unwrap_err());
        let (grandchild, kept) = task.spawn_with_files(third_fds, &own).unwrap();
        grandchild.fstat(&kept).unwrap();
        assert!(!share(Resource::Files, grandchild.host_pid(), task.host_pid()));
        is_true(&grandchild);
        is_true(&task);
    });
}

/// Takes a handle from its brand to none and back, and to a task of another table.
macro_rules! round_trip {
    ($home:ident, $elsewhere:ident: $($handle:expr;)+) => {$({
        let handle = $handle;
        let number = handle.near().as_raw();
        let before = fds($home.host_pid())[&number].clone();
        let erased = handle.erase();
        let NotRebranded { error, handle: erased, .. } = erased.rebrand(&$elsewhere).unwrap_err();
        assert!(matches!(error, NamespaceMismatchError::FdTable(_)));
        // From dynamic to dynamic, too.
        let erased = erased.rebrand(&$elsewhere.spawn().unwrap().erase()).unwrap_err().handle;
        let handle = erased.rebrand(&$home).unwrap();
        let moved = handle.rebrand(&$elsewhere).unwrap_err().handle;
        assert_eq!(moved.near().as_raw(), number);
        assert_eq!(fds($home.host_pid())[&number], before);
        drop(moved.erase());
        $home.getpid().unwrap();
        assert!(!numbers($home.host_pid()).contains(&number));
    })+};
}

#[test]
fn handles_come_back_from_being_erased() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds, other_fds, watches);
        let (home, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let (elsewhere, ()) = here.spawn_with_files(other_fds, ()).unwrap();
        round_trip! { home, elsewhere:
            null(&home);
            home.epoll_create1().unwrap();
            home.inotify_init1(watches, inotify::CreateFlags::empty()).unwrap();
            home.open_tree(Cwd, "/", OpenTreeFlags::empty()).unwrap();
            home.fsopen("tmpfs").unwrap();
        }
        // The kinds stay what they are.
        let epoll = home.epoll_create1().unwrap().erase().rebrand(&home).unwrap();
        let own = null(&home);
        let refused = home.epoll_ctl_add(&epoll, &own, 1, epoll::EventFlags::IN).unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::PERM));

        let fd = null(&home).erase();
        let error = io::Error::from(fd.rebrand(&elsewhere).unwrap_err());
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.get_ref().unwrap().is::<NamespaceMismatchError>());
    });
}

#[test]
fn borrowed_it_is_the_same_and_no_owner() {
    deadline(|| {
        brand!(private_fds);
        let (home, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let fd = null(&home).erase();
        home.fstat(fd.rebrand_ref(&home).unwrap()).unwrap();
        let error = fd.rebrand_ref(&Task::here()).unwrap_err();
        assert!(matches!(error, NamespaceMismatchError::FdTable(_)));
        // Nothing was to be sent, so that is not what it says.
        let table = far::Task::fd_table(&home);
        let text = format!("the fd is one of {table}, but the task lives in FdTable(host_fds)");
        assert_eq!(error.to_string(), text);
        home.getpid().unwrap();
        assert!(numbers(home.host_pid()).contains(&fd.near().as_raw()));
    });
}

#[test]
fn numbers_of_processes_come_back_from_being_erased() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let child = init.spawn().unwrap();
        let group = child.setpgrp().unwrap();
        let pid = far::Pid::of(&init, child.pid());
        let erased = pid.erase();
        assert_eq!(erased.clone().rebrand(&init).unwrap(), child.pid());
        assert!(matches!(
            erased.rebrand(&here).unwrap_err(),
            NamespaceMismatchError::PidNamespace(_)
        ));
        let text = format!("Pid({}, {})", child.pid().as_raw(), far::Task::pid_namespace(&init));
        assert_eq!((erased.to_string(), format!("{pid:?}")), (text.clone(), text));

        let groups = far::Pgid::of(&init, group).erase();
        assert_eq!(groups.rebrand(&child).unwrap(), group);
        groups.rebrand(&here).unwrap_err();
        let thread = child.gettid().unwrap();
        assert_eq!(far::Tid::of(&child, thread).erase().rebrand(&init).unwrap(), thread);
        far::Tid::of(&child, thread).erase().rebrand(&here).unwrap_err();
        let session = init.setsid().unwrap();
        assert_eq!(far::Sid::of(&init, session).erase().rebrand(&child).unwrap(), session);
        far::Sid::of(&init, session).erase().rebrand(&here).unwrap_err();

        // The same number here is another process.
        let hosts = far::Pid::of(&here, here.pid()).erase();
        let (inner, outer) = (init.erase(), here.erase());
        inner.kill(&erased, Signal::CONT).unwrap();
        outer.kill(&hosts, Signal::CONT).unwrap();
        is_mismatch(outer.kill(&erased, Signal::KILL).unwrap_err());
        is_mismatch(inner.kill(&hosts, Signal::KILL).unwrap_err());
        #[expect(
            clippy::mutable_key_type,
            reason = "compared by which it is, not by what is in it"
        )]
        let all: HashSet<_> = [erased.clone(), hosts.clone(), erased].into_iter().collect();
        assert_eq!(all.len(), 2);
    });
}

#[test]
fn tasks_come_back_from_being_erased() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds, memory, inner_pids);
        let (home, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let sibling = home.spawn().unwrap();
        let pid = sibling.host_pid();
        let undone = sibling.erase().rebrand(&here).unwrap_err();
        assert!(matches!(undone.error, NamespaceMismatchError::FdTable(_)));
        let table = far::Task::fd_table(&home);
        let text = format!("the task lives in {table}, and the other in FdTable(host_fds)");
        assert_eq!(undone.to_string(), text);
        let debug =
            format!("FdTable(FdTableMismatchError(task: {table}, other: FdTable(host_fds)))");
        assert_eq!(format!("{:?}", undone.error), debug);
        let sibling = undone.handle.rebrand(&home).unwrap();
        assert_eq!(sibling.host_pid(), pid);
        home.fstat(&null(&sibling)).unwrap();

        let forked = home.spawn_with_memory(memory).unwrap().erase();
        let undone = forked.rebrand(&home).unwrap_err();
        assert!(matches!(undone.error, NamespaceMismatchError::AddressSpace(_)));
        let memory = far::Task::address_space(&undone.handle);
        assert!(memory.to_string().starts_with("AddressSpace(memory, #"));
        let text =
            format!("the task lives in {memory}, and the other in AddressSpace(host_memory)");
        assert_eq!(undone.to_string(), text);
        undone.handle.getpid().unwrap();

        let mut wanderer = home.spawn().unwrap().erase();
        wanderer.unshare_pid_in_place().unwrap();
        let undone = wanderer.rebrand(&home).unwrap_err();
        assert!(matches!(undone.error, NamespaceMismatchError::PidNamespace(_)));
        let (pids, ours) =
            (far::Task::child_pid_namespace(&undone.handle), "PidNamespace(host_pids)");
        let text = format!("the task's children live in {pids}, and the other's in {ours}");
        assert_eq!(undone.to_string(), text);
        let inside = undone.handle.spawn().unwrap();
        let undone = inside.rebrand(&home).unwrap_err();
        assert!(matches!(undone.error, NamespaceMismatchError::PidNamespace(_)));
        let text = format!("the task lives in {pids}, and the other in {ours}");
        assert_eq!(undone.to_string(), text);

        drop(here.spawn_with_pids(inner_pids).unwrap().erase().rebrand(&home).unwrap_err());
        let local = here.erase().rebrand(&Task::here()).unwrap();
        local.write(&null(&local), b"x").unwrap();
    });
}

#[test]
fn pinned_it_is_branded_and_what_leaves_is_erased() {
    deadline(|| {
        let mut task = child_in!(workers_fds);
        let fd = null(&task);
        let foreign = null(&Task::here()).erase();
        let (kept, name) = task.pin(|task| {
            is_true(task);
            task.fstat(fd.rebrand_ref(task).unwrap()).unwrap();
            let undone = foreign.rebrand(task).unwrap_err();
            assert!(matches!(undone.error, NamespaceMismatchError::FdTable(_)));
            let own = task.dup(fd.rebrand_ref(task).unwrap()).unwrap();
            assert!(format!("{own:?}").starts_with("Fd(pinned_fds:"));
            brand!(memory);
            let child = task.spawn().unwrap();
            assert_eq!(child.fstat(&own).unwrap().st_dev, task.fstat(&own).unwrap().st_dev);
            is_true(&child);
            is_true(&task.spawn_with_memory(memory).unwrap());
            (own.erase(), far::Task::fd_table(task).to_string())
        });
        assert_eq!(name, far::Task::fd_table(&task).to_string());
        task.fstat(&kept).unwrap();
        let pid = task.host_pid();
        assert!(same_open_file((pid, fd.near().as_raw()), (pid, kept.near().as_raw())));
    });
}

#[test]
fn buffers_of_several_types_are_of_the_memory_that_they_were_made_of() {
    deadline(|| {
        let task = child_in!(workers_fds);
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let number = task.ptr(&u16::from_ne_bytes(*b"??")).unwrap();
        let sent = [IoBuf::new(b"one "), IoBuf::new("two "), IoBuf::new(&number)];
        assert_eq!(task.writev(&writer, &sent), Ok(10));
        let (mut first, mut rest) = ([0; 4], vec![0; 6]);
        let received = &mut [IoBufMut::new(&mut first), IoBufMut::new(&mut rest)];
        assert_eq!(task.readv(&reader, received), Ok(10));
        assert_eq!((&first, &rest[..]), (b"one ", &b"two ??"[..]));

        brand!(memory);
        let forked = task.spawn_with_memory(memory).unwrap().erase();
        let word = forked.ptr(&[0_u8; 4]).unwrap();
        assert_eq!(forked.writev(&writer, &[IoBuf::new(&word)]), Ok(4));
        let mixed = [IoBuf::new(&word), IoBuf::new(b"one ")];
        let text = is_mismatch(forked.writev(&writer, &mixed).unwrap_err()).to_string();
        assert!(text.starts_with("the memory is that of AddressSpace(host_memory)"), "{text}");
        let text = is_mismatch(task.writev(&writer, &mixed).unwrap_err()).to_string();
        assert!(text.starts_with("the memory is that of AddressSpace(memory, #"), "{text}");
        let received = &mut [IoBufMut::new(&mut first)];
        let text = is_mismatch(forked.readv(&reader, received).unwrap_err()).to_string();
        assert!(text.starts_with("the memory is that of AddressSpace(host_memory)"), "{text}");
        assert_eq!(task.ioctl_fionread(&reader), Ok(4));
    });
}

#[test]
fn pinned_in_host_memory_it_takes_slices_and_only_there() {
    deadline(|| {
        let mut task = child_in!(workers_fds);
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let mut buffer = [0; 8];
        let length = task.pin_in_host_memory(|task| {
            task.write(writer.rebrand_ref(task).unwrap(), b"hello").unwrap();
            let mut fds = [reader.rebrand_ref(task).unwrap()];
            let mut polled = fds.each_mut().map(|fd| PollFd::new(fd, PollFlags::IN));
            assert_eq!(task.ppoll(&mut polled, None), Ok(1));
            task.read(reader.rebrand_ref(task).unwrap(), &mut buffer).unwrap()
        });
        assert_eq!(&buffer[..length.unwrap()], b"hello");

        brand!(memory);
        let mut forked = task.spawn_with_memory(memory).unwrap().erase();
        let error = forked.pin_in_host_memory(|_| unreachable!()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, NamespaceMismatchError::AddressSpace(_)));
        assert!(
            text.contains("AddressSpace(memory, #") && text.contains("(host_memory)"),
            "{text}"
        );
        forked.pin(|task| assert_eq!(task.getpid().unwrap(), far::Task::pid(task)));
    });
}

#[test]
fn a_table_is_left_in_place() {
    deadline(|| {
        let (mut task, here) = (child(), Task::here());
        let (kept, (reader, left)) = (null(&task), task.pipe2(PipeFlags::empty()).unwrap());
        let (moved_from, moved) = here.pipe2(PipeFlags::empty()).unwrap();
        let (reader, moved) = (reader.rebrand(&here).unwrap(), moved.erase());
        let (copy, moved) = task.unshare_files_in_place((&kept, moved)).unwrap();
        assert!(!share(Resource::Files, task.host_pid(), me()));
        let mut expected = [0, 1, 2, copy.near().as_raw(), moved.near().as_raw()];
        expected.sort_unstable();
        assert_eq!(numbers(task.host_pid()), expected);
        assert_eq!(copy.near().as_raw(), kept.near().as_raw());
        assert!(same_open_file(
            (task.host_pid(), copy.near().as_raw()),
            (me(), kept.near().as_raw())
        ));
        is_true(&task);
        is_mismatch(task.fstat(&kept).unwrap_err());
        is_mismatch(task.fstat(&left).unwrap_err());
        Task::here().erase().fstat(&kept).unwrap();
        // What was not listed is not there, and what was moved only there.
        drop((kept, left));
        assert_eq!(here.read(&reader, &mut [0]), Ok(0));
        drop(moved);
        assert_eq!(here.read(&moved_from, &mut [0]), Ok(0));
        task.fstat(&copy).unwrap();
        // And once more, out of a table of its own.
        let old = far::Task::fd_table(&task).clone();
        let copy = task.unshare_files_in_place(copy).unwrap();
        assert_ne!(*far::Task::fd_table(&task), old);
        assert_eq!(numbers(task.host_pid()), [0, 1, 2, copy.near().as_raw()]);
        is_true(&task);
    });
}

#[test]
fn a_table_that_could_not_be_left_is_still_its_own() {
    deadline(|| {
        let mut task = child_in!(workers_fds);
        let sibling = task.spawn().unwrap();
        let (fd, other) = (null(&task), null(&task));
        let table = far::Task::fd_table(&task).clone();
        let before = fds(task.host_pid());
        let unchanged = |task: &DynamicTask| {
            assert_eq!(*far::Task::fd_table(task), table);
            assert!(share(Resource::Files, task.host_pid(), sibling.host_pid()));
            assert_eq!(fds(task.host_pid()), before);
            is_true(task);
        };
        let undone = task.unshare_files_in_place((&fd, &fd)).unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::ListedTwice);
        assert_eq!(undone.moved.len(), 0);
        unchanged(&task);
        let undone = task.unshare_files_in_place((fd, &other, &other)).unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::ListedTwice);
        let [fd] = <[_; 1]>::try_from(undone.moved).unwrap();
        unchanged(&task);
        task.fstat(&fd).unwrap();
        sibling.fstat(&fd).unwrap();
    });
}

#[test]
fn where_a_filter_denies_it_nothing_changes() {
    deadline(|| {
        let filtered = thread::spawn(|| {
            deny([libc::SYS_close_range, libc::SYS_unshare, libc::SYS_setns], libc::EPERM);
            let mut task = child();
            let fd = null(&task);
            let undone = task.unshare_files_in_place(fd).unwrap_err();
            assert_eq!(undone.error.errno(), Some(Errno::PERM));
            task.fstat(&undone.moved[0]).unwrap();
            assert!(share(Resource::Files, task.host_pid(), me()));
            assert_eq!(task.unshare_pid_in_place().unwrap_err().errno(), Some(Errno::PERM));
            let pidfd = Task::here().pidfd_open(task.host_pid()).unwrap().erase();
            assert_eq!(task.setns_pid_in_place(&pidfd).unwrap_err().errno(), Some(Errno::PERM));
            assert!(task.verify().unwrap().is_confirmed());
            // It is in every namespace that this thread is in.
            drop(task.rebrand(&Task::here()).unwrap());
        });
        filtered.join().unwrap();
    });
}

/// Has calls of the calling thread, and of what it spawns, fail.
fn deny<const N: usize>(calls: [i64; N], errno: i32) {
    let instruction =
        |code: u32, jt, jf, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = vec![instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for (index, number) in calls.into_iter().enumerate() {
        let to_refusal = (N - index) as u8;
        let equals = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        filter.push(instruction(equals, to_refusal, 0, number as u32));
    }
    let returns = libc::BPF_RET | libc::BPF_K;
    filter.push(instruction(returns, 0, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(instruction(returns, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    Task::here().prctl_set_no_new_privs().unwrap();
    // SAFETY: the program is there for the call.
    let answer =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(answer, 0);
}

#[test]
fn children_go_to_a_new_namespace_in_place() {
    deadline(|| {
        let mut task = child();
        let own = far::Task::pid_namespace(&task).clone();
        assert_eq!(far::Task::child_pid_namespace(&task), &own);
        task.unshare_pid_in_place().unwrap();
        let inner = far::Task::child_pid_namespace(&task).clone();
        assert_ne!(inner, own);
        assert_eq!(far::Task::pid_namespace(&task), &own);
        is_true(&task);
        let (init, second) = (task.spawn().unwrap(), task.spawn().unwrap());
        for (task, pid) in [(&init, 1), (&second, 2)] {
            assert_eq!(far::Task::pid(task).as_raw(), pid);
            assert_eq!(far::Task::pid_namespace(task), &inner);
            assert_eq!(
                status(task.host_pid().as_raw(), "NSpid").split('\t').next_back(),
                Some(&*pid.to_string())
            );
            is_true(task);
        }
        assert_ne!(namespace(init.host_pid(), "pid"), namespace(me(), "pid"));
        assert!(task.verify().unwrap().is_confirmed());

        // They go there already, and so to no other one: nothing changes.
        let refused = task.unshare_pid_in_place().unwrap_err();
        assert_eq!(refused.errno(), Some(Errno::INVAL));
        assert_eq!(far::Task::child_pid_namespace(&task), &inner);
        assert!(task.verify().unwrap().is_confirmed());
        let third = task.spawn().unwrap();
        assert_eq!(far::Task::pid(&third).as_raw(), 3);
    });
}

#[test]
fn without_privileges_the_children_go_where_they_went() {
    deadline(|| {
        let mut task = child();
        task.unshare(Namespaces::USER).unwrap();
        // At the limit of them,
        let path = "/proc/sys/user/max_pid_namespaces";
        let file = task.openat(Cwd, path, OFlags::WRONLY, Mode::empty()).unwrap();
        task.pin_in_host_memory(|task| {
            task.write(file.rebrand_ref(task).unwrap(), b"0").unwrap();
        })
        .unwrap();
        assert_eq!(task.unshare_pid_in_place().unwrap_err().errno(), Some(Errno::NOSPC));
        assert!(task.verify().unwrap().is_confirmed());
        // and with nothing to say in its user namespace.
        let none = CapabilitySet::empty();
        task.capset(CapabilitySets { effective: none, permitted: none, inheritable: none })
            .unwrap();
        assert_eq!(task.unshare_pid_in_place().unwrap_err().errno(), Some(Errno::PERM));
        let own = Task::here().pidfd_open(task.host_pid()).unwrap().erase();
        assert_eq!(task.setns_pid_in_place(&own).unwrap_err().errno(), Some(Errno::PERM));
        assert_eq!(far::Task::child_pid_namespace(&task), Task::here().pid_namespace());
        assert!(task.verify().unwrap().is_confirmed());
        let child = task.spawn().unwrap();
        assert_eq!(namespace(child.host_pid(), "pid"), namespace(me(), "pid"));
    });
}

#[test]
fn a_dead_task_changes_nothing_any_more() {
    deadline(|| {
        let mut task = child();
        let (reader, fd) = Task::here().pipe2(PipeFlags::empty()).unwrap();
        let fd = fd.erase();
        task.killer().kill().unwrap();
        until("dead", || is_dead(task.host_pid()));
        let undone = task.unshare_files_in_place(fd).unwrap_err();
        assert_eq!(undone.error.kind(), ErrorKind::NotSent);
        assert_eq!(task.unshare_pid_in_place().unwrap_err().kind(), ErrorKind::NotSent);
        assert_eq!(*far::Task::fd_table(&task), *Task::here().fd_table());
        // The fd is this process's as before.
        Task::here().erase().fstat(&undone.moved[0]).unwrap();
        drop(undone);
        assert_eq!(Task::here().read(&reader, &mut [0]), Ok(0));
    });
}

#[test]
fn a_namespace_that_is_known_is_recognised() {
    deadline(|| {
        let here = Task::here();
        let mut outer = child();
        outer.unshare_pid_in_place().unwrap();
        let init = outer.spawn().unwrap();
        let inner = far::Task::pid_namespace(&init);
        let opened = |pid: i32| {
            let path = format!("/proc/{pid}/ns/pid");
            here.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap().erase()
        };

        let mut task = child();
        task.setns_pid_in_place(opened(init.host_pid().as_raw())).unwrap();
        assert_eq!(far::Task::child_pid_namespace(&task), inner);
        assert_eq!(far::Task::pid_namespace(&task), here.pid_namespace());
        let second = task.spawn().unwrap();
        assert_eq!(namespace(second.host_pid(), "pid"), namespace(init.host_pid(), "pid"));
        // So they know each other, by numbers of that namespace.
        let name = far::Pid::of(&second, far::Task::pid(&second));
        init.kill(&name, Signal::CONT).unwrap();
        second.kill(far::Pid::of(&init, far::Task::pid(&init)), Signal::CONT).unwrap();
        is_mismatch(task.kill(&name, Signal::CONT).unwrap_err());
        is_true(&task);
        is_true(&second);

        // A failure in between leaves it there.
        assert_eq!(task.setns_pid_in_place(null(&task)).unwrap_err().errno(), Some(Errno::INVAL));
        assert_eq!(far::Task::child_pid_namespace(&task), inner);
        assert!(task.verify().unwrap().is_confirmed());
        // And back to its own, which is this process's.
        let pidfd = here.pidfd_open(here.pid()).unwrap().erase();
        task.setns_pid_in_place(&pidfd).unwrap();
        assert_eq!(far::Task::child_pid_namespace(&task), here.pid_namespace());
        drop(task.spawn().unwrap().rebrand(&here).unwrap());
        is_true(&task);
    });
}

#[test]
fn a_stranger_namespace_is_one_and_the_same_each_time() {
    deadline(|| {
        let here = Task::here();
        // Made, and left, where this library does not look: by a branded task that becomes a program.
        brand!(inner_pids);
        let program = sleeping(here.spawn_with_pids(inner_pids).unwrap());
        let pidfd = || here.dup(&program).unwrap().erase();
        let (mut first, mut second) = (child(), child());
        first.setns_pid_in_place(pidfd()).unwrap();
        second.setns_pid_in_place(pidfd()).unwrap();
        assert_eq!(far::Task::child_pid_namespace(&first), far::Task::child_pid_namespace(&second));
        assert_ne!(far::Task::child_pid_namespace(&first), here.pid_namespace());
        let (one, other) = (first.spawn().unwrap(), second.spawn().unwrap());
        assert_eq!(far::Task::pid_namespace(&one), far::Task::pid_namespace(&other));
        assert_eq!(namespace(one.host_pid(), "pid"), namespace(program.pid(), "pid"));
        for task in [&first, &second, &one, &other] {
            assert!(task.verify().unwrap().is_confirmed());
        }
        one.kill(far::Pid::of(&other, far::Task::pid(&other)), Signal::CONT).unwrap();
    });
}

#[test]
fn a_namespace_that_is_over_is_still_the_same() {
    deadline(|| {
        let mut outer = child();
        outer.unshare_pid_in_place().unwrap();
        drop(outer.spawn().unwrap());
        let over = far::Task::child_pid_namespace(&outer);
        let path = format!("/proc/{}/ns/pid_for_children", outer.host_pid().as_raw());
        let mut task = child();
        let file = task.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
        task.setns_pid_in_place(&file).unwrap();
        assert_eq!(far::Task::child_pid_namespace(&task), over);
        assert_eq!(task.spawn().unwrap_err().kind(), ErrorKind::InitEnded);
        assert!(outer.verify().unwrap().is_confirmed());
        assert!(task.verify().unwrap().is_confirmed());
    });
}

#[test]
fn no_task_goes_to_a_namespace_around_its_own() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let mut init = here.spawn_with_pids(inner_pids).unwrap().erase();
        let own = far::Task::pid_namespace(&init).clone();
        let pidfd = here.pidfd_open(here.pid()).unwrap().erase();
        assert_eq!(init.setns_pid_in_place(&pidfd).unwrap_err().errno(), Some(Errno::INVAL));
        assert_eq!(far::Task::child_pid_namespace(&init), &own);
        assert!(init.verify().unwrap().is_confirmed());
    });
}

static WORKERS: Mutex<Option<HashMap<String, DynamicTask>>> = Mutex::new(None);

#[test]
fn they_live_in_maps_and_statics_and_go_from_thread_to_thread() {
    deadline(|| {
        let mut workers = HashMap::new();
        for name in ["first", "second", "third"] {
            workers.insert(name.to_owned(), child_in!(worker_fds));
        }
        let mut opened: HashMap<String, Vec<Fd<Dynamic>>> = HashMap::new();
        for (name, worker) in &workers {
            opened.entry(name.clone()).or_default().push(null(worker));
        }
        *WORKERS.lock().unwrap() = Some(workers);
        thread::spawn(|| {
            let mut workers = WORKERS.lock().unwrap();
            for worker in workers.as_mut().unwrap().values_mut() {
                worker.unshare_pid_in_place().unwrap();
            }
        })
        .join()
        .unwrap();
        let workers = WORKERS.lock().unwrap().take().unwrap();
        let threads = workers.into_iter().map(|(name, worker)| {
            let fds = opened.remove(&name).unwrap();
            thread::spawn(move || {
                worker.fstat(&fds[0]).unwrap();
                is_true(&worker);
                let init = worker.spawn().unwrap();
                assert_eq!(far::Task::pid(&init).as_raw(), 1);
                (name, worker, init, fds)
            })
        });
        let threads: Vec<_> = threads.collect();
        let back: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        for (name, worker, init, _) in &back {
            for (other, _, _, fds) in &back {
                assert_eq!(worker.fstat(&fds[0]).is_ok(), name == other);
                assert_eq!(init.fstat(&fds[0]).is_ok(), name == other);
            }
        }
        let tables: HashSet<_> =
            back.iter().map(|(_, worker, ..)| far::Task::fd_table(worker).id()).collect();
        assert_eq!(tables.len(), 3);
    });
}

#[test]
fn a_dynamic_task_becomes_a_program_with_its_own_fds() {
    deadline(|| {
        let task = child();
        let (reader, writer) = Task::here().pipe2(PipeFlags::empty()).unwrap();
        let writer = writer.erase();
        let shell = Program::new("sh").args(["-c", "echo hello >&7"]);
        let process = task.program(&shell).fd(7, &writer).exec().unwrap();
        drop(writer);
        assert_eq!(io::read_to_string(fs::File::from(reader)).unwrap(), "hello\n");
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn a_group_alone_is_no_members_number() {
    deadline(|| {
        let task = child();
        let own = Pgid::asserted(far::Task::pid(&task).as_raw()).unwrap();
        is_mismatch(task.setpgid(own).unwrap_err());
        let group = task.setpgrp().unwrap();
        let other = child();
        is_mismatch(other.setpgid(group).unwrap_err());
        other.setpgid(far::Pgid::of(&task, group)).unwrap();
        assert_eq!(common::stat(other.host_pid().as_raw(), 5), i64::from(group.as_raw()));
    });
}
