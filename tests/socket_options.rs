//! Options of sockets, compared with what std and rustix say of the same socket.

mod common;

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::{deadline, same_open_file};
use nearfar::prelude::*;
use rustix::net::sockopt;

/// Runs a test body on the calling thread and on a driven child that shares its fd table.
macro_rules! on_both {
    ($(fn $name:ident($task:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            fn check<K>($task: &K)
            where
                K: SocketOptionTask + SocketTask + far::InHostFds + far::Task<PidNamespace = HostPids>,
            {
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
        }
    )+};
}

/// Sets and asks for a switch in one way, and asks for it in another.
macro_rules! switch {
    ($task:ident, $socket:expr, $get:ident, $set:ident, $independent:expr) => {{
        let socket = $socket;
        for on in [true, false, true] {
            $task.$set(&socket, on).unwrap();
            assert_eq!($task.$get(&socket).unwrap(), on);
            assert_eq!($independent(&socket).unwrap(), on);
        }
    }};
}

on_both! {
    fn switches_are_what_others_say(task) {
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        switch!(task, listener(), getsockopt_reuseaddr, setsockopt_reuseaddr,
            sockopt::socket_reuseaddr);
        switch!(task, listener(), getsockopt_reuseport, setsockopt_reuseport,
            sockopt::socket_reuseport);
        switch!(task, listener(), getsockopt_keepalive, setsockopt_keepalive,
            sockopt::socket_keepalive);
        switch!(task, UdpSocket::bind("127.0.0.1:0").unwrap(), getsockopt_broadcast,
            setsockopt_broadcast, UdpSocket::broadcast);
        let listening = listener();
        let client = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
        switch!(task, client, getsockopt_nodelay, setsockopt_nodelay, TcpStream::nodelay);
        switch!(task, UnixStream::pair().unwrap().0, getsockopt_passcred, setsockopt_passcred,
            sockopt::socket_passcred);
        let (family, flags) = (AddressFamily::INET6, SocketFlags::empty());
        let v6 = task.socket(family, SocketType::STREAM, None, flags).unwrap();
        switch!(task, v6, getsockopt_v6only, setsockopt_v6only, sockopt::ipv6_v6only);
    }

    fn linger_is_in_seconds_rounded_up(task) {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(task.getsockopt_linger(&socket).unwrap(), None);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let cases = [
            (seconds(5), seconds(5)),
            (Some(Duration::from_millis(1)), seconds(1)),
            (seconds(0), seconds(0)),
            (None, None),
        ];
        for (set, found) in cases {
            task.setsockopt_linger(&socket, set).unwrap();
            assert_eq!(task.getsockopt_linger(&socket).unwrap(), found);
            assert_eq!(sockopt::socket_linger(&socket).unwrap(), found);
        }
        let too_long = task.setsockopt_linger(&socket, seconds(1 << 31)).unwrap_err();
        assert_eq!(too_long.errno(), Some(Errno::INVAL));
        let for_ever = task.setsockopt_linger(&socket, Some(Duration::MAX)).unwrap_err();
        assert_eq!(for_ever.errno(), Some(Errno::INVAL));
    }

    fn buffers_have_twice_the_size_that_was_set(task) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        task.setsockopt_rcvbuf(&socket, 20_000).unwrap();
        task.setsockopt_sndbuf(&socket, 30_000).unwrap();
        assert_eq!(task.getsockopt_rcvbuf(&socket).unwrap(), 40_000);
        assert_eq!(task.getsockopt_sndbuf(&socket).unwrap(), 60_000);
        assert_eq!(sockopt::socket_recv_buffer_size(&socket).unwrap(), 40_000);
        assert_eq!(sockopt::socket_send_buffer_size(&socket).unwrap(), 60_000);
        let error = task.setsockopt_rcvbuf(&socket, usize::MAX).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    }

    fn time_limits_are_stds(task) {
        let (socket, _other) = UnixStream::pair().unwrap();
        assert_eq!(task.getsockopt_rcvtimeo(&socket).unwrap(), None);
        let limit = Some(Duration::from_millis(1500));
        task.setsockopt_rcvtimeo(&socket, limit).unwrap();
        assert_eq!(task.getsockopt_rcvtimeo(&socket).unwrap(), limit);
        assert_eq!(socket.read_timeout().unwrap(), limit);
        let limit = Some(Duration::from_secs(7));
        task.setsockopt_sndtimeo(&socket, limit).unwrap();
        assert_eq!(task.getsockopt_sndtimeo(&socket).unwrap(), limit);
        assert_eq!(socket.write_timeout().unwrap(), limit);
        task.setsockopt_sndtimeo(&socket, None).unwrap();
        assert_eq!(socket.write_timeout().unwrap(), None);

        let zero = task.setsockopt_rcvtimeo(&socket, Some(Duration::ZERO)).unwrap_err();
        assert_eq!(zero.errno(), Some(Errno::INVAL));
        // Never for ever by being rounded down, nor an error for being too long.
        task.setsockopt_rcvtimeo(&socket, Some(Duration::from_nanos(1))).unwrap();
        assert!(socket.read_timeout().unwrap().is_some());
        let error = (&socket).read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        task.setsockopt_rcvtimeo(&socket, Some(Duration::MAX)).unwrap();
        assert_eq!(task.getsockopt_rcvtimeo(&socket).unwrap(), None);
    }

    fn what_a_socket_is(task) {
        let (flags, none) = (SocketFlags::empty(), None);
        for family in [AddressFamily::INET, AddressFamily::INET6, AddressFamily::UNIX] {
            for kind in [SocketType::STREAM, SocketType::DGRAM] {
                let socket = task.socket(family, kind, none, flags).unwrap();
                assert_eq!(task.getsockopt_domain(&socket).unwrap(), family);
                assert_eq!(task.getsockopt_type(&socket).unwrap(), kind);
                let protocol = sockopt::socket_protocol(&socket).unwrap();
                assert_eq!(task.getsockopt_protocol(&socket).unwrap(), protocol);
                assert!(!task.getsockopt_acceptconn(&socket).unwrap());
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(task.getsockopt_acceptconn(&listener).unwrap());
        task.setsockopt_ttl(&listener, 9).unwrap();
        assert_eq!(task.getsockopt_ttl(&listener).unwrap(), 9);
        assert_eq!(listener.ttl().unwrap(), 9);
        assert_eq!(task.setsockopt_ttl(&listener, 0).unwrap_err().errno(), Some(Errno::INVAL));
    }

    fn an_error_is_taken_once(task) {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (family, kind, flags) = (AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK);
        let socket = task.socket(family, kind, None, flags).unwrap();
        assert_eq!(task.getsockopt_error(&socket).unwrap(), None);
        let error = task.connect(&socket, closed).unwrap_err();
        assert!(matches!(error.errno(), Some(Errno::INPROGRESS)), "{error}");
        let mut ends = [rustix::event::PollFd::new(&socket, rustix::event::PollFlags::OUT)];
        rustix::event::poll(&mut ends, None).unwrap();
        assert_eq!(task.getsockopt_error(&socket).unwrap(), Some(Errno::CONNREFUSED));
        assert_eq!(task.getsockopt_error(&socket).unwrap(), None);
        let not_a_socket = std::fs::File::open("/dev/null").unwrap();
        let error = task.getsockopt_error(&not_a_socket).unwrap_err();
        assert_eq!(error.to_string(), "getsockopt: Socket operation on non-socket (os error 88)");
        let error = task.setsockopt_keepalive(&not_a_socket, true).unwrap_err();
        assert_eq!(error.to_string(), "setsockopt: Socket operation on non-socket (os error 88)");
    }

    fn the_peer_is_who_made_the_connection(task) {
        let asked = task.getsockopt_peercred(UnixStream::pair().unwrap().0).unwrap();
        assert_eq!(asked.pid.unwrap().as_raw(), std::process::id() as i32);
        assert_eq!(asked.uid, Some(rustix::process::geteuid()));
        assert_eq!(asked.gid, Some(rustix::process::getegid()));

        let (family, kind, flags) = (AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty());
        let (left, _right) = task.socketpair(family, kind, None, flags).unwrap();
        let asked = task.getsockopt_peercred(&left).unwrap();
        assert_eq!(asked.pid, Some(task.pid()));
        let independent = sockopt::socket_peercred(&left).unwrap();
        assert_eq!(independent.pid.as_raw_nonzero().get(), task.pid().as_raw());

        // Nobody, until somebody has connected.
        let unconnected = task.socket(family, kind, None, flags).unwrap();
        let asked = task.getsockopt_peercred(&unconnected).unwrap();
        assert_eq!((asked.pid, asked.uid, asked.gid), (None, None, None));
        let error = task.getsockopt_peerpidfd(&unconnected).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NODATA));
    }

    fn the_peers_pidfd_is_of_that_very_process(task) {
        let child = Task::here().spawn().unwrap();
        let (family, kind, flags) = (AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty());
        let (left, _right) = child.socketpair(family, kind, None, flags).unwrap();
        let pidfd = task.getsockopt_peerpidfd(&left).unwrap();
        assert!(pidfd.near().as_raw() >= 3);
        assert_eq!(task.fcntl_getfd(&pidfd).unwrap(), FdFlags::CLOEXEC);
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.near().as_raw()));
        let line = format!("Pid:\t{}", child.pid().as_raw());
        assert!(info.unwrap().lines().any(|found| found == line));
        let ours = Task::here().pidfd_open(child.pid()).unwrap();
        let me = std::process::id();
        assert!(!same_open_file((me, pidfd.near().as_raw()), (me, ours.near().as_raw())));
        task.pidfd_send_signal(&pidfd, Signal::KILL).unwrap();
        common::until("the peer is dead", || common::is_dead(child.pid()));
    }
}
