//! Making, naming and connecting sockets, with std at the other end.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{deadline, numbers, until, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use rustix::net::ipproto;

const NONE: SocketFlags = SocketFlags::empty();

/// A task that has this program's memory, and any fd table.
trait Sockets: SocketTask + SocketMessageTask + SocketOptionTask + far::InHostMemory {}
impl<K: SocketTask + SocketMessageTask + SocketOptionTask + far::InHostMemory> Sockets for K {}

/// Runs a test body on the calling thread, on a driven child that shares its fd table, and on one that
/// has its own.
macro_rules! on_every {
    ($(fn $name:ident($task:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check<K: Sockets>($task: &K) {
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

            #[test]
            fn child_in_a_private_table() {
                deadline(|| {
                    brand!(private_fds);
                    check(&Task::here().spawn_with_files(private_fds, ()).unwrap().0);
                });
            }
        }
    )+};
}

/// Nobody else's file.
fn unused_path() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("nearfar-socket-{}-{number}", process::id()))
}

/// Nobody else's abstract name.
fn unused_name() -> Vec<u8> {
    unused_path().to_str().unwrap().to_owned().into_bytes()
}

fn stream<K: Sockets>(task: &K, family: AddressFamily) -> Fd<K::FdTable> {
    let socket = task.socket(family, SocketType::STREAM, None, NONE).unwrap();
    assert!(socket.near().as_raw() >= 3);
    assert_eq!(task.fcntl_getfd(&socket).unwrap(), FdFlags::CLOEXEC);
    socket
}

fn listener<K: Sockets>(task: &K, at: impl Into<SocketAddress>) -> Fd<K::FdTable> {
    let at = at.into();
    let family = match at {
        SocketAddress::Inet(SocketAddr::V4(_)) => AddressFamily::INET,
        SocketAddress::Inet(SocketAddr::V6(_)) => AddressFamily::INET6,
        _ => AddressFamily::UNIX,
    };
    let socket = stream(task, family);
    task.bind(&socket, at).unwrap();
    task.listen(&socket, 4).unwrap();
    socket
}

/// Says something both ways between a task's connection and std's.
fn talk<K: Sockets>(task: &K, ours: &Fd<K::FdTable>, mut theirs: impl Read + Write) {
    theirs.write_all(b"from std").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(task.recv(ours, &mut buffer, RecvFlags::empty()).unwrap(), 8);
    assert_eq!(&buffer[..8], b"from std");
    assert_eq!(task.send(ours, b"from a task", SendFlags::empty()).unwrap(), 11);
    task.shutdown(ours, Shutdown::Write).unwrap();
    let mut heard = String::new();
    theirs.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "from a task");
    drop(theirs);
    assert_eq!(task.recv(ours, &mut buffer, RecvFlags::empty()).unwrap(), 0);
}

on_every! {
    fn std_connects_to_the_task_over_ip(task) {
        let addresses = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ];
        for address in addresses {
            let socket = listener(task, address);
            assert!(task.getsockopt_acceptconn(&socket).unwrap());
            let bound = SocketAddr::try_from(task.getsockname(&socket).unwrap()).unwrap();
            assert_eq!(bound.ip(), address.ip());
            let std = TcpStream::connect(bound).unwrap();
            let (connection, peer) = task.accept4(&socket, NONE).unwrap();
            assert_eq!(task.fcntl_getfd(&connection).unwrap(), FdFlags::CLOEXEC);
            assert_eq!(peer, std.local_addr().unwrap().into());
            assert_eq!(task.getpeername(&connection).unwrap(), peer);
            assert_eq!(task.getsockname(&connection).unwrap(), std.peer_addr().unwrap().into());
            talk(task, &connection, std);
        }
    }

    fn the_task_connects_to_std_over_ip(task) {
        for ip in [Ipv4Addr::LOCALHOST.into(), std::net::IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let std = TcpListener::bind((ip, 0)).unwrap();
            let family = if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
            let socket = stream(task, family);
            assert_eq!(task.getpeername(&socket).unwrap_err().errno(), Some(Errno::NOTCONN));
            task.connect(&socket, std.local_addr().unwrap()).unwrap();
            let (connection, peer) = std.accept().unwrap();
            assert_eq!(task.getsockname(&socket).unwrap(), peer.into());
            talk(task, &socket, connection);
        }
    }

    fn unix_addresses_are_paths_or_names_or_nothing(task) {
        let (path, name) = (unused_path(), unused_name());
        let std_listener = UnixListener::bind(&path).unwrap();
        let client = stream(task, AddressFamily::UNIX);
        task.connect(&client, SocketAddrUnix::new(&path).unwrap()).unwrap();
        let (connection, from) = std_listener.accept().unwrap();
        assert!(from.is_unnamed());
        assert_eq!(
            task.getpeername(&client).unwrap(),
            SocketAddrUnix::new(&path).unwrap().into()
        );
        assert_eq!(task.getsockname(&client).unwrap(), SocketAddrUnix::new_unnamed().into());
        talk(task, &client, connection);
        fs::remove_file(&path).unwrap();

        let socket = listener(task, SocketAddrUnix::new(&path).unwrap());
        let std = UnixStream::connect(&path).unwrap();
        let (connection, peer) = task.accept4(&socket, NONE).unwrap();
        assert_eq!(peer, SocketAddrUnix::new_unnamed().into());
        assert_eq!(std.peer_addr().unwrap().as_pathname(), Some(path.as_path()));
        talk(task, &connection, std);
        fs::remove_file(&path).unwrap();

        let abstract_name = SocketAddrUnix::new_abstract_name(&name).unwrap();
        let socket = listener(task, abstract_name.clone());
        assert_eq!(task.getsockname(&socket).unwrap(), abstract_name.into());
        let std_name = net::SocketAddr::from_abstract_name(&name).unwrap();
        assert_eq!(task.getsockname(&socket).unwrap(), std_name.clone().into());
        let std = UnixStream::connect_addr(&std_name).unwrap();
        talk(task, &task.accept4(&socket, NONE).unwrap().0, std);

        // The kernel chooses a name, which std finds.
        let socket = listener(task, SocketAddrUnix::new_unnamed());
        let SocketAddress::Unix(chosen) = task.getsockname(&socket).unwrap() else { panic!() };
        let chosen = net::SocketAddr::from_abstract_name(chosen.abstract_name().unwrap()).unwrap();
        let std = UnixStream::connect_addr(&chosen).unwrap();
        talk(task, &task.accept4(&socket, NONE).unwrap().0, std);
    }

    fn the_longest_path_has_no_nul(task) {
        let path = unused_path();
        for length in [107, 108] {
            let mut longest = path.to_str().unwrap().to_owned();
            longest.extend(std::iter::repeat_n('x', length - longest.len()));
            let address = SocketAddress::from(SocketAddrUnix::new(longest.as_str()).unwrap());
            let socket = listener(task, address.clone());
            assert!(fs::exists(&longest).unwrap());
            assert_eq!(task.getsockname(&socket).unwrap(), address);
            let client = stream(task, AddressFamily::UNIX);
            task.connect(&client, &address).unwrap();
            assert_eq!(task.getpeername(&client).unwrap(), address);
            fs::remove_file(&longest).unwrap();
        }
    }

    fn a_pair_is_connected(task) {
        for kind in [SocketType::STREAM, SocketType::DGRAM, SocketType::SEQPACKET] {
            let (left, right) = task.socketpair(AddressFamily::UNIX, kind, None, NONE).unwrap();
            assert!(left.near().as_raw() >= 3 && right.near().as_raw() >= 3);
            for end in [&left, &right] {
                assert_eq!(task.fcntl_getfd(end).unwrap(), FdFlags::CLOEXEC);
                assert_eq!(task.getsockopt_type(end).unwrap(), kind);
                assert_eq!(task.getsockopt_domain(end).unwrap(), AddressFamily::UNIX);
            }
            assert_eq!(task.send(&left, b"x", SendFlags::empty()).unwrap(), 1);
            assert_eq!(task.recv(&right, &mut [0; 4], RecvFlags::empty()).unwrap(), 1);
        }
        let pair = task.socketpair(AddressFamily::INET, SocketType::STREAM, None, NONE);
        assert_eq!(pair.unwrap_err().errno(), Some(Errno::OPNOTSUPP));
    }

    fn flags_are_those_it_knows(task) {
        let nonblocking = SocketFlags::NONBLOCK;
        let kind = SocketType::STREAM;
        let socket = task.socket(AddressFamily::UNIX, kind, None, nonblocking).unwrap();
        assert!(task.fcntl_getfl(&socket).unwrap().contains(OFlags::NONBLOCK));
        task.bind(&socket, SocketAddrUnix::new_unnamed()).unwrap();
        task.listen(&socket, 1).unwrap();
        let error = task.accept4(&socket, NONE).unwrap_err();
        assert_eq!(error.to_string(), "accept4: Resource temporarily unavailable (os error 11)");

        let unknown = SocketFlags::from_bits_retain(1 << 20);
        let smuggled = SocketType::from_raw(SocketType::STREAM.as_raw() | nonblocking.bits());
        for error in [
            task.socket(AddressFamily::UNIX, kind, None, unknown).unwrap_err(),
            task.socket(AddressFamily::UNIX, smuggled, None, NONE).unwrap_err(),
            task.socketpair(AddressFamily::UNIX, smuggled, None, NONE).unwrap_err(),
            task.accept4(&socket, unknown).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        }
        let (left, _right) = task.socketpair(AddressFamily::UNIX, kind, None, nonblocking).unwrap();
        assert!(task.fcntl_getfl(&left).unwrap().contains(OFlags::NONBLOCK));
    }

    fn protocols_are_passed_on(task) {
        let dgram = SocketType::DGRAM;
        let socket = task.socket(AddressFamily::INET, dgram, Some(ipproto::UDPLITE), NONE);
        // Not every kernel has it any more.
        if let Ok(socket) = socket {
            assert_eq!(task.getsockopt_protocol(&socket).unwrap(), Some(ipproto::UDPLITE));
        }
        let udp = task.socket(AddressFamily::INET, dgram, Some(ipproto::UDP), NONE).unwrap();
        assert_eq!(task.getsockopt_protocol(&udp).unwrap(), Some(ipproto::UDP));
        let wrong = task.socket(AddressFamily::INET, dgram, Some(ipproto::TCP), NONE);
        assert_eq!(wrong.unwrap_err().errno(), Some(Errno::PROTONOSUPPORT));
    }

    fn addresses_of_other_families_come_out_but_do_not_go_in(task) {
        let netlink = task.socket(AddressFamily::NETLINK, SocketType::RAW, None, NONE).unwrap();
        let address = task.getsockname(&netlink).unwrap();
        let SocketAddress::Other { family, ref data } = address else { panic!("{address:?}") };
        assert_eq!((family, data.len()), (AddressFamily::NETLINK, 10));
        for error in [
            task.bind(&netlink, &address).unwrap_err(),
            task.connect(&netlink, &address).unwrap_err(),
            task.sendto(&netlink, b"x", SendFlags::empty(), &address).unwrap_err(),
            task.sendmsg(&netlink, Some(&address), &[""], None::<&Fd<_>>, SendFlags::empty())
                .unwrap_err(),
        ] {
            assert_eq!(error.errno(), Some(Errno::AFNOSUPPORT));
        }
    }

    fn errors_are_the_kernels(task) {
        let socket = stream(task, AddressFamily::UNIX);
        let nowhere = SocketAddrUnix::new(unused_path()).unwrap();
        let error = task.connect(&socket, nowhere).unwrap_err();
        assert_eq!(error.to_string(), "connect: No such file or directory (os error 2)");
        let socket = stream(task, AddressFamily::INET);
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let error = task.connect(&socket, closed).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::CONNREFUSED));
        let (reader, _writer) = task.pipe2(PipeFlags::empty()).unwrap();
        assert_eq!(task.listen(&reader, 1).unwrap_err().errno(), Some(Errno::NOTSOCK));
        assert_eq!(task.shutdown(&socket, Shutdown::Both).unwrap_err().errno(), Some(Errno::NOTCONN));
    }
}

#[test]
fn a_task_that_waits_for_a_connection_can_be_killed() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let socket = listener(&child, SocketAddrUnix::new_unnamed());
        let (pid, killer) = (child.pid(), child.killer());
        std::thread::scope(|scope| {
            let accepting = scope.spawn(|| {
                let child = child;
                child.accept4(&socket, NONE).unwrap_err().kind()
            });
            until_blocked_in(pid, libc::SYS_accept4);
            killer.kill().unwrap();
            assert_eq!(accepting.join().unwrap(), ErrorKind::Hangup);
        });
    });
}

#[test]
fn no_socket_takes_a_standard_slot_that_is_free() {
    deadline(|| {
        brand!(private_fds);
        let streams = (&std::io::stdin(), &std::io::stdout(), &std::io::stderr());
        let (child, streams) = Task::here().spawn_with_files(private_fds, streams).unwrap();
        drop(streams);
        until("0, 1 and 2 are closed", || numbers(child.pid()).is_empty());
        let socket = listener(&child, SocketAddrUnix::new_unnamed());
        let SocketAddress::Unix(name) = child.getsockname(&socket).unwrap() else { panic!() };
        let client = stream(&child, AddressFamily::UNIX);
        child.connect(&client, name).unwrap();
        let (connection, _) = child.accept4(&socket, NONE).unwrap();
        let unix = AddressFamily::UNIX;
        let (left, right) = child.socketpair(unix, SocketType::DGRAM, None, NONE).unwrap();
        let pidfd = child.getsockopt_peerpidfd(&left).unwrap();
        let sockets = [&socket, &client, &connection, &left, &right, &pidfd];
        let mut open: Vec<_> = sockets.iter().map(|fd| fd.near().as_raw()).collect();
        open.sort_unstable();
        assert!(open[0] >= 3);
        until("nothing else is left", || numbers(child.pid()) == open);
    });
}
