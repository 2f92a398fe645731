//! Waiting for many fds: what is watched, checked against what the kernel lists, and what is told.

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::{deadline, fdinfo, number_is_close_on_exec, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::near::Pid;
use nearfar::prelude::*;

use epoll::EventFlags;

/// Fd, flags and token of everything that `/proc` says an epoll instance watches.
fn watched<F>(pid: Pid<HostPids>, epoll: &Epoll<F>) -> Vec<(i32, u32, u64)> {
    let info = fdinfo(pid, epoll.near().as_raw());
    let lines = info.lines().filter(|line| line.starts_with("tfd:"));
    lines
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let hexadecimal = |word: &str| u64::from_str_radix(word, 16).unwrap();
            let flags = hexadecimal(words[3]) as u32 & !(libc::EPOLLERR | libc::EPOLLHUP) as u32;
            (words[1].parse().unwrap(), flags, hexadecimal(words[5]))
        })
        .collect()
}

/// Token and flags of what has happened by now.
fn happened<K: EpollTask>(task: &K, epoll: &Epoll<K::FdTable>) -> Vec<(u64, EventFlags)> {
    let mut events = [EpollEvent::default(); 4];
    let events = task.epoll_pwait2(epoll, &mut events, Some(Duration::ZERO)).unwrap();
    let mut events: Vec<_> = events.iter().map(|event| (event.token(), event.flags())).collect();
    events.sort_by_key(|(token, _)| *token);
    events
}

fn watches<K>(task: &K)
where
    K: EpollTask + EventTask + FileDescriptorTask,
    K: far::Task<PidNamespace = HostPids, AddressSpace = HostMemory>,
{
    const READ: u64 = u64::MAX;
    let pid = task.pid();
    let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
    let number = reader.near().as_raw();
    let epoll = task.epoll_create1().unwrap();
    assert!(epoll.near().as_raw() >= 3 && number_is_close_on_exec(pid, epoll.near().as_raw()));
    assert!(watched(pid, &epoll).is_empty());

    task.epoll_ctl_add(&epoll, &reader, READ, EventFlags::IN).unwrap();
    task.epoll_ctl_add(&epoll, &writer, 0, EventFlags::OUT | EventFlags::ET).unwrap();
    let listed = watched(pid, &epoll);
    assert_eq!(listed.len(), 2);
    assert!(listed.contains(&(number, libc::EPOLLIN as u32, READ)), "{listed:?}");
    assert_eq!(happened(task, &epoll), [(0, EventFlags::OUT)]);
    assert_eq!(happened(task, &epoll), [], "edge-triggered");
    task.write(&writer, b"x").unwrap();
    assert_eq!(happened(task, &epoll), [(READ, EventFlags::IN)]);
    assert_eq!(happened(task, &epoll), [(READ, EventFlags::IN)], "level-triggered");

    // What does not fit comes next.
    let counter = task.eventfd(1, EventfdFlags::empty()).unwrap();
    task.epoll_ctl_add(&epoll, &counter, 2, EventFlags::IN).unwrap();
    let mut tokens: Vec<_> = (0..2)
        .flat_map(|_| {
            let mut one = [EpollEvent::default()];
            let events = task.epoll_pwait2(&epoll, &mut one, None).unwrap();
            assert_eq!(events.len(), 1);
            [events[0].token()]
        })
        .collect();
    tokens.sort_unstable();
    assert_eq!(tokens, [2, READ]);
    task.epoll_ctl_del(&epoll, &counter).unwrap();

    task.epoll_ctl_del(&epoll, &writer).unwrap();
    task.epoll_ctl_mod(&epoll, &reader, 5, EventFlags::IN | EventFlags::ONESHOT).unwrap();
    let flags = (libc::EPOLLIN | libc::EPOLLONESHOT) as u32;
    assert_eq!(watched(pid, &epoll), [(number, flags, 5)]);
    assert_eq!(happened(task, &epoll), [(5, EventFlags::IN)]);
    assert_eq!(happened(task, &epoll), [], "only once");

    let limit = Duration::from_millis(20);
    let start = Instant::now();
    let mut events = [EpollEvent::default(); 1];
    assert_eq!(task.epoll_pwait2(&epoll, &mut events, Some(limit)).unwrap(), []);
    assert!(start.elapsed() >= limit);

    let add = |fd: &Fd<_>, flags| task.epoll_ctl_add(&epoll, fd, 0, flags).unwrap_err();
    assert_eq!(add(&reader, EventFlags::IN).errno(), Some(Errno::EXIST));
    let unknown = EventFlags::from_bits_retain(1 << 20);
    assert_eq!(add(&writer, unknown).kind(), ErrorKind::UnknownFlags);
    let error = task.epoll_ctl_mod(&epoll, &writer, 0, EventFlags::IN).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::NOENT));
    assert_eq!(task.epoll_ctl_del(&epoll, &writer).unwrap_err().errno(), Some(Errno::NOENT));
    let error = task.epoll_pwait2(&epoll, &mut [], None).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::INVAL));

    let directory = task.openat(Cwd, "/", OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!(add(&directory, EventFlags::IN).errno(), Some(Errno::PERM));

    // One instance in another, but not in a circle.
    let outer = task.epoll_create1().unwrap();
    task.epoll_ctl_add(&outer, &epoll, 9, EventFlags::IN).unwrap();
    task.epoll_ctl_mod(&epoll, &reader, 5, EventFlags::IN).unwrap();
    assert_eq!(happened(task, &outer), [(9, EventFlags::IN)]);
    let error = task.epoll_ctl_add(&epoll, &outer, 0, EventFlags::IN).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::LOOP));
    task.close(outer).unwrap();

    drop(reader);
    assert_eq!(task.ppoll(&mut [PollFd::new(&epoll, PollFlags::IN)], Some(limit)).unwrap(), 0);
}

#[test]
fn an_instance_tells_what_has_happened_to_which_token() {
    deadline(|| {
        let here = Task::here();
        watches(&here);
        watches(&here.spawn().unwrap());
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        watches(&child);
    });
}

#[test]
fn an_instance_crosses_into_a_new_table_with_what_it_watches() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let epoll = here.epoll_create1().unwrap();
        here.epoll_ctl_add(&epoll, &reader, 1, EventFlags::IN).unwrap();
        brand!(private_fds);
        let listed = (&epoll, &reader);
        let (child, (its_epoll, its_reader)) = here.spawn_with_files(private_fds, listed).unwrap();
        assert!(format!("{its_epoll:?}").starts_with("Epoll(Fd(private_fds:"));
        here.write(&writer, b"x").unwrap();
        assert_eq!(happened(&child, &its_epoll), [(1, EventFlags::IN)]);
        // It is one instance.
        child.epoll_ctl_mod(&its_epoll, &its_reader, 2, EventFlags::IN).unwrap();
        assert_eq!(happened(&here, &epoll), [(2, EventFlags::IN)]);

        // What is closed in one table only is watched on, and told by its token.
        drop(reader);
        assert_eq!(happened(&here, &epoll), [(2, EventFlags::IN)]);
        child.close(its_reader).unwrap();
        assert_eq!(happened(&here, &epoll), []);

        // And moved.
        let number = epoll.near().as_raw();
        brand!(other_fds);
        let (other, epoll) = here.spawn_with_files(other_fds, epoll).unwrap();
        assert_eq!(epoll.near().as_raw(), number);
        assert!(happened(&other, &epoll).is_empty());
    });
}

#[test]
fn a_wait_is_ended_by_an_event_and_by_a_kill() {
    deadline(|| {
        let here = Task::here();
        let counter = here.eventfd(0, EventfdFlags::empty()).unwrap();
        let epoll = here.epoll_create1().unwrap();
        here.epoll_ctl_add(&epoll, &counter, 3, EventFlags::IN).unwrap();
        let child = here.spawn().unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        thread::scope(|scope| {
            let epoll = &epoll;
            let waiting = scope.spawn(move || {
                let mut events = [EpollEvent::default(); 4];
                let events = child.epoll_pwait2(epoll, &mut events, None).unwrap();
                assert_eq!(format!("{events:?}"), "[EpollEvent(3, EventFlags(IN))]");
                child
            });
            until_blocked_in(pid, libc::SYS_epoll_pwait2);
            here.eventfd_write(&counter, 1).unwrap();
            let child = waiting.join().unwrap();
            here.eventfd_read(&counter).unwrap();
            let waiting = scope.spawn(move || {
                child.epoll_pwait2(epoll, &mut [EpollEvent::default()], None).unwrap_err()
            });
            until_blocked_in(pid, libc::SYS_epoll_pwait2);
            killer.kill().unwrap();
            assert_eq!(waiting.join().unwrap().kind(), ErrorKind::Hangup);
        });
    });
}
