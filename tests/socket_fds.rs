//! Fds that cross from one table into another, and what becomes of them when something goes wrong.

mod common;

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

use common::{deadline, fds, numbers, same_open_file, until, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::brand::Namespace;
use nearfar::prelude::*;

type In<F> = Task<F, HostMemory, HostPids>;

/// A connection, to be listed when tables are made.
fn pair() -> (OwnedFd, OwnedFd) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into(), right.into())
}

/// Whether the two tasks' fds are of the same open file.
fn are_one<F: Namespace, G: Namespace>(a: (&In<F>, &Fd<F>), b: (&In<G>, &Fd<G>)) -> bool {
    same_open_file((a.0.pid(), a.1.near().as_raw()), (b.0.pid(), b.1.near().as_raw()))
}

#[test]
fn fds_cross_between_two_private_tables() {
    deadline(|| {
        let here = Task::here();
        let (left, right) = pair();
        brand!(left_fds, right_fds);
        let (left_task, left) = here.spawn_with_files(left_fds, left).unwrap();
        let (right_task, right) = here.spawn_with_files(right_fds, right).unwrap();

        let (reader, writer) = left_task.pipe2(PipeFlags::empty()).unwrap();
        // So that numbers differ.
        let occupied = [(); 8].map(|()| right_task.dup(&right).unwrap());
        left_task.send_fds(&left, [&reader, &writer]).unwrap();
        let [its_reader, its_writer] = right_task.recv_fds(&right).unwrap();
        assert!(are_one((&left_task, &reader), (&right_task, &its_reader)));
        assert!(are_one((&left_task, &writer), (&right_task, &its_writer)));
        assert_ne!(reader.near().as_raw(), its_reader.near().as_raw());
        drop(occupied);

        // Each table closes its own.
        right_task.write(&its_writer, b"x").unwrap();
        drop((writer, its_writer));
        let mut buffer = [0; 2];
        assert_eq!(left_task.read(&reader, &mut buffer).unwrap(), 1);
        assert_eq!(left_task.read(&reader, &mut buffer).unwrap(), 0);
        drop(reader);
        assert_eq!(right_task.read(&its_reader, &mut buffer).unwrap(), 0);

        // And back, by way of this process's table.
        let file = right_task.openat(Cwd, "/proc/self/exe", OFlags::RDONLY, Mode::empty()).unwrap();
        right_task.send_fds(&right, [&file]).unwrap();
        let [its_file] = left_task.recv_fds(&left).unwrap();
        assert!(are_one((&right_task, &file), (&left_task, &its_file)));
    });
}

#[test]
fn fds_cross_between_this_process_and_a_private_table() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = here.spawn_with_files(private_fds, its).unwrap();
        let file = File::open("/proc/self/exe").unwrap();
        here.send_fds(&ours, [&file]).unwrap();
        let [its_file] = child.recv_fds(&its).unwrap();
        assert!(same_open_file(
            (here.pid(), file.as_raw_fd()),
            (child.pid(), its_file.near().as_raw())
        ));
        child.send_fds(&its, [its_file]).unwrap();
        let [back] = here.recv_fds(&ours).unwrap();
        assert!(same_open_file((here.pid(), file.as_raw_fd()), (here.pid(), back.near().as_raw())));

        // The only copy is on its way: neither table has it, and it is not closed.
        let (reader, writer) = child.pipe2(PipeFlags::empty()).unwrap();
        child.send_fds(&its, [writer]).unwrap();
        let [writer] = here.recv_fds(&ours).unwrap();
        here.write(&writer, b"x").unwrap();
        assert_eq!(child.read(&reader, &mut [0; 2]).unwrap(), 1);
    });
}

#[test]
fn a_socket_that_crosses_works_at_the_other_side() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = here.spawn_with_files(private_fds, its).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        here.send_fds(&ours, [listener]).unwrap();
        let [listener] = child.recv_fds(&its).unwrap();
        let client = std::net::TcpStream::connect(at).unwrap();
        let (connection, peer) = child.accept4(&listener, SocketFlags::empty()).unwrap();
        assert_eq!(peer, client.local_addr().unwrap().into());
        child.send_fds(&its, [connection]).unwrap();
        let [connection] = here.recv_fds(&ours).unwrap();
        assert_eq!(here.getpeername(&connection).unwrap(), peer);
    });
}

/// A child in a table of its own with 0, 1 and 2 free.
macro_rules! without_standard_streams {
    ($brand:ident, $its:expr) => {{
        let streams = (&std::io::stdin(), &std::io::stdout(), &std::io::stderr());
        let (child, (its, streams)) =
            Task::here().spawn_with_files($brand, ($its, streams)).unwrap();
        drop(streams);
        until("0, 1 and 2 are closed", || numbers(child.pid()).len() == 1);
        (child, its)
    }};
}

#[test]
fn no_fd_arrives_in_a_standard_slot_that_is_free() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = without_standard_streams!(private_fds, its);
        let files = [(); 5].map(|()| File::open("/dev/null").unwrap());
        here.send_fds(&ours, &files).unwrap();
        let arrived: [_; 5] = child.recv_fds(&its).unwrap();
        for (file, arrived) in files.iter().zip(&arrived) {
            let (original, number) = (file.as_raw_fd(), arrived.near().as_raw());
            assert!(number >= 3);
            assert!(same_open_file((here.pid(), original), (child.pid(), number)));
            assert_eq!(child.fcntl_getfd(arrived).unwrap(), FdFlags::CLOEXEC);
        }
        until("nothing else is left", || numbers(child.pid()).len() == 6);
    });
}

#[test]
fn a_full_table_takes_what_it_can_and_says_so() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = here.spawn_with_files(private_fds, its).unwrap();
        let before = numbers(child.pid());
        let highest = *before.last().unwrap() as u64;
        // Free are those below its socket, and two above it.
        let free = highest - 3 + 2;
        let limit = Rlimit { current: Some(highest + 3), maximum: Some(highest + 3) };
        child.setrlimit(Resource::Nofile, limit).unwrap();
        let file = File::open("/dev/null").unwrap();
        let send = || here.send_fds(&ours, vec![&file; free as usize + 2]).unwrap();
        let receive = || {
            let mut byte = [0; 1];
            child.recvmsg(&its, &mut [&mut byte], 253, RecvFlags::empty())
        };

        send();
        let received = receive().unwrap();
        assert_eq!((received.length, received.fds.len() as u64), (1, free));
        assert_eq!(received.flags, ReturnFlags::CTRUNC);
        // Nor is there room for more.
        here.send_fds(&ours, [&file]).unwrap();
        let none = receive().unwrap();
        assert_eq!((none.length, none.fds.len(), none.flags), (1, 0, ReturnFlags::CTRUNC));
        drop(received);
        until("all are closed", || numbers(child.pid()) == before);

        send();
        let error = child.recv_fds::<253>(&its).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OtherFds);
        until("all are closed", || numbers(child.pid()) == before);
    });
}

#[test]
fn an_fd_that_cannot_leave_a_standard_slot_is_closed() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = without_standard_streams!(private_fds, its);
        let before = numbers(child.pid());
        // 0, 1 and 2 are free for the kernel, and nothing above for us.
        let mut held = Vec::new();
        while held.len() + 3 < before[0] as usize {
            held.push(child.fcntl_dupfd_cloexec(&its, 3).unwrap());
        }
        let limit = before[0] as u64 + 1;
        let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
        child.setrlimit(Resource::Nofile, limit).unwrap();
        let file = File::open("/dev/null").unwrap();
        here.send_fds(&ours, [&file, &file]).unwrap();
        let mut byte = [0; 1];
        let buffers = &mut [&mut byte];
        let received = child.recvmsg(&its, buffers, 2, RecvFlags::empty()).unwrap();
        assert_eq!((received.length, received.fds.len()), (1, 0));
        assert_eq!(received.flags, ReturnFlags::CTRUNC);
        drop(held);
        until("nothing is left", || numbers(child.pid()) == before);
    });
}

#[test]
fn a_child_killed_while_it_receives_takes_nothing() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = here.spawn_with_files(private_fds, its).unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        thread::scope(|scope| {
            let blocked = scope.spawn(|| {
                let child = child;
                child.recv_fds::<1>(&its).unwrap_err().kind()
            });
            until_blocked_in(pid, libc::SYS_recvmsg);
            killer.kill().unwrap();
            assert_eq!(blocked.join().unwrap(), ErrorKind::Hangup);
        });
        // Its socket went with its table; so does what nobody can receive any more.
        let error = here.send_fds(&ours, [writer]).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PIPE));
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
    });
}

#[test]
fn fds_nobody_receives_are_closed_with_the_socket() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        brand!(private_fds);
        let (child, its) = here.spawn_with_files(private_fds, its).unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        here.send_fds(&ours, [writer]).unwrap();
        drop(its);
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
        drop(child);
    });
}

#[test]
fn a_dead_receiver_has_received_nothing() {
    deadline(|| {
        let here = Task::here();
        let (ours, its) = pair();
        let child = here.spawn().unwrap();
        child.killer().kill().unwrap();
        until("it is dead", || common::is_dead(child.pid()));
        let name = rustix::fs::memfd_create("unreceived", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        here.send_fds(&ours, [&name]).unwrap();
        assert!(child.recv_fds::<1>(&its).is_err());
        let copies = || {
            let open = fds(here.pid()).into_values();
            open.filter(|path| path.to_string_lossy().contains("memfd:unreceived")).count()
        };
        assert_eq!(copies(), 1);
        // It is still there for whoever asks next.
        let [received] = here.recv_fds(&its).unwrap();
        assert_eq!(copies(), 2);
        drop(received);
    });
}

/// Each asks about the same sockets: one who is init of a pid namespace, one who is outside.
#[test]
fn a_peer_has_the_pid_that_whoever_asks_knows_it_by() {
    deadline(|| {
        if !rustix::process::geteuid().is_root() {
            crate::common::skip("needs CAP_SYS_ADMIN for a pid namespace");
            return;
        }
        let (ours, its) = pair();
        let mut command = nearfar::Command::new("true");
        command.unshare_pid().prepare_with([its], move |child, [its]| {
            let outside = child.getsockopt_peercred(its)?;
            assert_eq!((outside.pid, outside.uid), (None, Some(rustix::process::geteuid())));
            child.setsockopt_passcred(its, true)?;
            let here = Task::here();
            here.send(&ours, b"x", SendFlags::empty())?;
            let mut byte = [0; 1];
            let buffers = &mut [&mut byte];
            let received = child.recvmsg(its, buffers, 0, RecvFlags::empty())?;
            assert_eq!(received.credentials.unwrap().pid, None);

            let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
            let (left, _right) = child.socketpair(family, kind, None, SocketFlags::empty())?;
            assert_eq!(child.getsockopt_peercred(&left)?.pid, Some(child.pid()));
            assert_eq!(child.pid().as_raw(), 1);
            child.send_fds(its, [&left])?;
            let [left] = here.recv_fds(&ours)?;
            let seen_here = here.getsockopt_peercred(&left)?.pid.unwrap();
            assert_ne!(seen_here.as_raw(), 1);
            assert_eq!(
                common::status(seen_here.as_raw(), "NSpid"),
                format!("{}\t1", seen_here.as_raw())
            );
            Ok(())
        });
        assert!(command.status().unwrap().success());
    });
}
