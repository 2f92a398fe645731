//! Sending and receiving, and fds that cross from one table into another.

mod common;

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{self, AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use common::{Resource, deadline, fds, numbers, same_open_file, share, until};
use nearfar::ErrorKind;
use nearfar::near::Pid;
use nearfar::prelude::*;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage,
};

const SEND: SendFlags = SendFlags::empty();
const RECEIVE: RecvFlags = RecvFlags::empty();

fn me() -> u32 {
    std::process::id()
}

/// Runs a test body with an end of a pair: on the calling thread, on a driven child that shares its fd
/// table, and on one that has its own.
macro_rules! on_all {
    ($(fn $name:ident($task:ident, $socket:ident, $std:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check<K>($task: &K, $socket: &Fd<K::FdTable>, $std: UnixStream)
            where
                K: SocketMessageTask + SocketTask + SocketOptionTask + FileDescriptorTask,
                K: far::Task<AddressSpace = HostMemory, PidNamespace = HostPids>,
            {
                $body
            }

            #[test]
            fn local() {
                deadline(|| {
                    let (ours, std) = UnixStream::pair().unwrap();
                    check(&Task::here(), &OwnedFd::from(ours).into(), std);
                });
            }

            #[test]
            fn child() {
                deadline(|| {
                    let (ours, std) = UnixStream::pair().unwrap();
                    let child = Task::here().spawn().unwrap();
                    check(&child, &OwnedFd::from(ours).into(), std);
                });
            }

            #[test]
            fn child_in_a_private_table() {
                deadline(|| {
                    brand!(private_fds);
                    let (its, std) = UnixStream::pair().unwrap();
                    let its = OwnedFd::from(its);
                    let (child, its) = Task::here().spawn_with_files(private_fds, its).unwrap();
                    check(&child, &its, std);
                });
            }
        }
    )+};
}

fn null() -> File {
    File::open("/dev/null").unwrap()
}

/// Sends fds by rustix, with one byte.
fn rustix_sends(socket: impl AsFd, fds: &[fd::BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); 2048];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
    rustix::net::sendmsg(socket, &[IoSlice::new(b"x")], &mut control, SEND).unwrap();
}

/// Receives fds by rustix.
fn rustix_receives(socket: impl AsFd) -> (Vec<u8>, Vec<OwnedFd>) {
    let mut space = [MaybeUninit::uninit(); 2048];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 64];
    let buffers = &mut [IoSliceMut::new(&mut bytes)];
    let received = rustix::net::recvmsg(socket, buffers, &mut control, RECEIVE).unwrap();
    let fds = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let fds = fds.flatten().collect();
    (bytes[..received.bytes].to_owned(), fds)
}

on_all! {
    fn bytes_go_both_ways(task, socket, std) {
        let mut std = std;
        assert_eq!(task.send(socket, "hello", SEND).unwrap(), 5);
        let mut buffer = [0; 16];
        assert_eq!(std.read(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");

        std.write_all(b"abcdef").unwrap();
        let mut buffer = vec![0; 3];
        assert_eq!(task.recv(socket, &mut buffer, RecvFlags::PEEK).unwrap(), 3);
        assert_eq!(task.recv(socket, &mut buffer, RECEIVE).unwrap(), 3);
        assert_eq!(buffer, b"abc");
        let received = task.recvfrom(socket, &mut buffer, RECEIVE).unwrap();
        assert_eq!((received, buffer.as_slice()), ((3, None), b"def".as_slice()));
        let nothing = task.recv(socket, &mut buffer, RecvFlags::DONTWAIT).unwrap_err();
        assert_eq!(nothing.to_string(), "recvfrom: Resource temporarily unavailable (os error 11)");
        drop(std);
        assert_eq!(task.recv(socket, &mut buffer, RECEIVE).unwrap(), 0);
        // Nor does it raise a signal that would end this test.
        assert_eq!(task.send(socket, b"x", SEND).unwrap_err().errno(), Some(Errno::PIPE));
    }

    fn several_buffers_are_one_message(task, socket, std) {
        let mut std = std;
        let buffers = [IoBuf::new(b"one "), IoBuf::new("two "), IoBuf::new([].as_slice())];
        let mut all = buffers.to_vec();
        let text = String::from("three");
        all.push(IoBuf::new(text.as_str()));
        assert_eq!(task.sendmsg(socket, None, &all, None::<&Fd<_>>, SEND).unwrap(), 13);
        let mut buffer = [0; 32];
        let length = std.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"one two three");

        std.write_all(b"12345").unwrap();
        let (mut first, mut second) = ([0; 2], [MaybeUninit::uninit(); 8]);
        let buffers = &mut [IoBufMut::new(&mut first), IoBufMut::new(&mut second)];
        let received = task.recvmsg(socket, buffers, 0, RECEIVE).unwrap();
        assert_eq!((received.length, received.flags), (5, ReturnFlags::empty()));
        assert!(received.from.is_none() && received.credentials.is_none());
        assert_eq!(&first, b"12");
        #[expect(unsafe_code, reason = "looks at what the call has initialised")]
        // SAFETY: three bytes were left for the second buffer.
        let second = second[..3].iter().map(|byte| unsafe { byte.assume_init() });
        assert!(second.eq(*b"345"));
        std.shutdown(std::net::Shutdown::Write).unwrap();
        let received = task.recvmsg(socket, &mut [&mut first], 4, RECEIVE).unwrap();
        assert_eq!((received.length, received.fds.len()), (0, 0));
    }

    fn datagrams_say_where_they_are_from(task, _socket, std) {
        drop(std);
        let std = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (kind, flags) = (SocketType::DGRAM, SocketFlags::empty());
        let udp = task.socket(AddressFamily::INET, kind, None, flags).unwrap();
        task.bind(&udp, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let at = SocketAddr::try_from(task.getsockname(&udp).unwrap()).unwrap();
        let there = SocketAddress::from(std.local_addr().unwrap());

        assert_eq!(task.sendto(&udp, b"hello", SEND, &there).unwrap(), 5);
        let mut buffer = [0; 16];
        assert_eq!(std.recv_from(&mut buffer).unwrap(), (5, at));
        std.send_to(b"a long answer", at).unwrap();
        let (length, from) = task.recvfrom(&udp, &mut buffer[..6], RecvFlags::PEEK).unwrap();
        assert_eq!((length, from.as_ref()), (6, Some(&there)));
        // A part of it, and how long it was.
        assert_eq!(task.recv(&udp, &mut buffer[..6], RecvFlags::TRUNC).unwrap(), 13);
        assert_eq!(&buffer[..6], b"a long");

        std.send_to(b"another answer", at).unwrap();
        let mut few = [0; 7];
        let received = task.recvmsg(&udp, &mut [&mut few], 0, RECEIVE).unwrap();
        assert_eq!((received.length, received.from), (7, Some(there.clone())));
        assert_eq!((&few, received.flags), (b"another", ReturnFlags::TRUNC));
        let buffers = [IoBuf::new(b"by "), IoBuf::new(b"sendmsg")];
        let sent = task.sendmsg(&udp, Some(&there), &buffers, None::<&Fd<_>>, SEND).unwrap();
        assert_eq!((sent, std.recv_from(&mut buffer).unwrap()), (10, (10, at)));
    }

    fn flags_are_those_it_knows(task, socket, std) {
        let zerocopy = SendFlags::from_bits_retain(libc::MSG_ZEROCOPY as u32);
        let unknown = RecvFlags::from_bits_retain(1 << 28);
        let to = SocketAddrUnix::new_unnamed();
        for error in [
            task.send(socket, b"x", zerocopy).unwrap_err(),
            task.sendto(socket, b"x", zerocopy, to).unwrap_err(),
            task.sendmsg(socket, None, &[b"x"], None::<&Fd<_>>, zerocopy).unwrap_err(),
            task.recv(socket, &mut [0; 1], unknown).unwrap_err(),
            task.recvfrom(socket, &mut [0; 1], unknown).unwrap_err(),
            task.recvmsg(socket, &mut [&mut [0; 1]], 0, unknown).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        }
        std.set_nonblocking(true).unwrap();
        let nothing = (&std).read(&mut [0; 1]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    }

    fn fds_arrive_as_the_tasks_own(task, socket, std) {
        let (file, pipe) = (null(), Task::here().pipe2(PipeFlags::empty()).unwrap());
        rustix_sends(&std, &[file.as_fd(), pipe.1.as_fd()]);
        let [null, writer] = task.recv_fds(socket).unwrap();
        let pid = task.pid().as_raw();
        for (fd, original) in [(&null, file.as_raw_fd()), (&writer, pipe.1.as_raw_fd())] {
            assert!(fd.near().as_raw() >= 3);
            assert_eq!(task.fcntl_getfd(fd).unwrap(), FdFlags::CLOEXEC);
            assert!(same_open_file((me(), original), (pid, fd.near().as_raw())));
        }
        task.write(&writer, b"x").unwrap();
    }

    fn fds_are_sent_to_anybody(task, socket, std) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        task.send_fds(socket, [&reader, &writer]).unwrap();
        let (bytes, theirs) = rustix_receives(&std);
        assert_eq!((bytes, theirs.len()), (vec![0], 2));
        for (fd, theirs) in [&reader, &writer].into_iter().zip(&theirs) {
            let ours = (task.pid().as_raw(), fd.near().as_raw());
            assert!(same_open_file(ours, (me(), theirs.as_raw_fd())));
        }
        drop(theirs);
        // By value: sent, and closed here.
        let buffers = [IoBuf::new(b"he"), IoBuf::new(b"llo")];
        task.sendmsg(socket, None, &buffers, vec![writer], SEND).unwrap();
        let (bytes, theirs) = rustix_receives(&std);
        assert_eq!((bytes.as_slice(), theirs.len()), (b"hello".as_slice(), 1));
        drop(theirs);
        assert_eq!(task.read(&reader, &mut [0; 1]).unwrap(), 0);
    }

    fn fds_need_a_byte_to_go_with(task, socket, std) {
        let (reader, _writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let nothing: [IoBuf<'_, _>; 2] = [IoBuf::new([].as_slice()), IoBuf::new("")];
        for buffers in [&nothing[..], &[]] {
            let error = task.sendmsg(socket, None, buffers, [&reader], SEND).unwrap_err();
            assert_eq!(error.to_string(), "sendmsg: Invalid argument (os error 22)");
        }
        std.set_nonblocking(true).unwrap();
        assert!((&std).read(&mut [0; 1]).is_err());
    }

    fn as_many_fds_as_the_kernel_carries(task, socket, std) {
        let (reader, _writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let before = numbers(task.pid());
        task.send_fds(socket, std::iter::repeat_n(&reader, 253)).unwrap();
        assert_eq!(rustix_receives(&std).1.len(), 253);
        let error = task.send_fds(socket, std::iter::repeat_n(&reader, 254)).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));

        let file = null();
        rustix_sends(&std, &[file.as_fd(); 253]);
        let mut byte = [0; 4];
        let buffers = &mut [&mut byte];
        let received = task.recvmsg(socket, buffers, usize::MAX, RECEIVE).unwrap();
        assert_eq!((received.length, received.fds.len()), (1, 253));
        assert_eq!(received.flags, ReturnFlags::empty());
        drop(received);
        if has_its_own_table(task.pid()) {
            until("all are closed", || numbers(task.pid()) == before);
        }
    }

    fn fds_for_which_there_is_no_room_are_nowhere(task, socket, std) {
        let name = format!("nowhere in {}", task.pid());
        let file = rustix::fs::memfd_create(&name, rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let name = format!("/memfd:{name} (deleted)");
        let copies = || fds(task.pid()).into_values().filter(|path| *path == *name).count();
        let originals = copies();
        let send = |count: usize| rustix_sends(&std, &vec![file.as_fd(); count]);
        let receive = |most| {
            let mut byte = [0; 1];
            task.recvmsg(socket, &mut [&mut byte], most, RECEIVE).unwrap()
        };
        // From where the kernel still opens some more than were asked for, to where it does not.
        for (sent, most) in [(1, 0), (2, 1), (3, 1), (40, 0), (40, 3), (253, 17)] {
            send(sent);
            let received = receive(most);
            assert_eq!((received.length, received.fds.len()), (1, most));
            assert_eq!(received.flags, ReturnFlags::CTRUNC, "{sent} for {most}");
            drop(received);
            until("all are closed", || copies() == originals);
        }
        // Calls that take no fds drop them.
        send(2);
        assert_eq!(task.recv(socket, &mut [0; 4], RECEIVE).unwrap(), 1);
        send(2);
        assert_eq!(task.read(socket, &mut [0; 4]).unwrap(), 1);
        assert_eq!(copies(), originals);
        // Neither fewer nor more than asked for, nor none.
        for sent in [1, 3, 60] {
            send(sent);
            let error = task.recv_fds::<2>(socket).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OtherFds);
            until("all are closed", || copies() == originals);
        }
        (&std).write_all(b"x").unwrap();
        assert_eq!(task.recv_fds::<1>(socket).unwrap_err().kind(), ErrorKind::OtherFds);
        // A look at them makes new ones each time.
        send(1);
        let mut byte = [0; 1];
        let buffers = &mut [&mut byte];
        let first = task.recvmsg(socket, buffers, 1, RecvFlags::PEEK).unwrap();
        let second = task.recv_fds::<1>(socket).unwrap();
        assert_eq!((first.fds.len(), copies()), (1, originals + 2));
        drop((first, second));
        until("all are closed", || copies() == originals);

        std.shutdown(std::net::Shutdown::Write).unwrap();
        let error = task.recv_fds::<1>(socket).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EndOfStream);
        assert_eq!(error.to_string(), "recvmsg: nothing arrived: the stream has ended");
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::UnexpectedEof);
    }

    fn the_sender_of_a_message_is_known(task, socket, std) {
        task.setsockopt_passcred(socket, true).unwrap();
        let file = null();
        rustix_sends(&std, &[file.as_fd()]);
        let mut byte = [0; 1];
        let received =
            task.recvmsg(socket, &mut [&mut byte], 1, RECEIVE).unwrap();
        let sender = received.credentials.unwrap();
        assert_eq!(sender.pid.unwrap().as_raw(), me() as i32);
        assert_eq!(sender.uid, Some(rustix::process::geteuid()));
        assert_eq!(sender.gid, Some(rustix::process::getegid()));
        assert_eq!((received.fds.len(), received.flags), (1, ReturnFlags::empty()));
        // Credentials take nothing of the room for fds.
        rustix_sends(&std, &[file.as_fd(); 253]);
        let [first, ..] = task.recv_fds::<253>(socket).unwrap();
        assert!(same_open_file((me(), file.as_raw_fd()), (task.pid(), first.near().as_raw())));

        // A task says who it is, too.
        let (family, kind, flags) = (AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::empty());
        let (left, right) = task.socketpair(family, kind, None, flags).unwrap();
        task.setsockopt_passcred(&right, true).unwrap();
        task.send(&left, b"x", SEND).unwrap();
        let buffers = &mut [&mut byte];
        let received = task.recvmsg(&right, buffers, 0, RECEIVE).unwrap();
        assert_eq!(received.credentials.unwrap().pid, Some(task.pid()));
    }

    fn a_pidfd_that_somebody_else_asked_for_has_an_owner(task, socket, std) {
        let here = Task::here();
        task.send_fds(socket, [socket]).unwrap();
        let [same_socket] = here.recv_fds(&std).unwrap();
        if let Err(error) = here.setsockopt_passpidfd(&same_socket, true) {
            crate::common::skip(&format!("needs Linux 6.5: {error}"));
            return;
        }
        assert!(task.getsockopt_passpidfd(socket).unwrap());
        // Everything that can come at once has room, with an odd number of fds and an even one.
        task.setsockopt_passcred(socket, true).unwrap();
        let file = null();
        let receive = |sent| {
            rustix_sends(&std, &vec![file.as_fd(); sent]);
            let mut byte = [0; 1];
            let buffers = &mut [&mut byte];
            let received = task.recvmsg(socket, buffers, sent, RECEIVE).unwrap();
            assert_eq!((received.fds.len(), received.flags), (sent, ReturnFlags::empty()));
            assert!(received.credentials.is_some() && received.pidfd.is_some());
            received
        };
        drop((receive(2), receive(252), receive(253)));
        let received = receive(3);
        let pidfd = received.pidfd.unwrap();
        assert_eq!(task.fcntl_getfd(&pidfd).unwrap(), FdFlags::CLOEXEC);
        let its = format!("/proc/{}/fdinfo/{}", task.pid().as_raw(), pidfd.near().as_raw());
        let info = std::fs::read_to_string(its).unwrap();
        assert!(info.contains(&format!("\nPid:\t{}\n", me())), "{info}");
        let number = pidfd.near().as_raw();
        drop(pidfd);
        if has_its_own_table(task.pid()) {
            until("it is closed", || !numbers(task.pid()).contains(&number));
        }
        here.setsockopt_passpidfd(&same_socket, false).unwrap();
        assert!(!task.getsockopt_passpidfd(socket).unwrap());
        rustix_sends(&std, &[file.as_fd()]);
        let received = task.recvmsg(socket, &mut [&mut [0]], 1, RECEIVE).unwrap();
        assert!(received.pidfd.is_none());
    }
}

/// So that nobody else opens or closes anything in it.
fn has_its_own_table(pid: Pid<HostPids>) -> bool {
    !share(Resource::Files, me(), pid)
}
