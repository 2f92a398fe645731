//! Sending open files to another table.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nearfar::prelude::*;
use rustix::io::{IoSlice, IoSliceMut};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, SendAncillaryBuffer, SendAncillaryMessage, recvmsg,
    sendmsg,
};

use crate::harness::{Row, Turns};

const FDS: usize = 100;
const SPACE: usize = rustix::cmsg_space!(ScmRights(FDS));

fn send_raw(socket: impl AsFd, fds: &[OwnedFd]) {
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    let sent = sendmsg(socket, &[IoSlice::new(&[0])], &mut control, SendFlags::empty());
    assert_eq!(sent.unwrap(), 1);
}

fn receive_raw(socket: impl AsFd) -> Vec<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut [0])], &mut control, RecvFlags::CMSG_CLOEXEC);
    assert_eq!(received.unwrap().bytes, 1);
    let mut fds = Vec::with_capacity(FDS);
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    assert_eq!(fds.len(), FDS);
    fds
}

/// The sum of what is timed, in seconds: what it returns is dropped when the clock does not run.
fn time<R>(count: u32, mut what: impl FnMut() -> R, mut after: impl FnMut(R)) -> f64 {
    let once = |_| {
        let start = Instant::now();
        let result = what();
        let elapsed = start.elapsed().as_secs_f64();
        after(result);
        elapsed
    };
    (0..count).map(once).sum()
}

pub(crate) fn measure() -> Vec<Row> {
    let turns = Turns { pairs: 301, per_turn: 10 };
    let here = Task::here();
    let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags).unwrap();
    let open = |_| std::fs::File::open("/dev/null").unwrap().into();
    let fds: Vec<OwnedFd> = (0..FDS).map(open).collect();

    let sent = turns.compare_by(
        |count| time(count, || here.send_fds(&ours, &fds).unwrap(), |()| drop(receive_raw(&its))),
        |count| time(count, || send_raw(&ours, &fds), |()| drop(receive_raw(&its))),
    );

    let (host_side, host_end) = here.socketpair(AddressFamily::UNIX, stream, None, flags).unwrap();
    brand!(private_fds);
    let (child, far_end) = here.spawn_with_files(private_fds, its).unwrap();
    let arrived = turns.compare_by(
        |count| {
            // It has had nothing to do in the other's turn.
            child.getpid().unwrap();
            let cross = || {
                here.send_fds(&ours, &fds).unwrap();
                child.recv_fds::<FDS>(&far_end).unwrap()
            };
            time(count, cross, |fds| {
                drop(fds);
                // What was dropped has been closed by then.
                child.getpid().unwrap();
            })
        },
        |count| {
            let cross = || {
                send_raw(&host_side, &fds);
                receive_raw(&host_end)
            };
            time(count, cross, drop)
        },
    );
    vec![
        Row::times(format!("sending {FDS} fds"), "a raw `sendmsg` of as many", 1.1, &sent),
        Row::times(
            format!(
                "sending {FDS} fds and receiving them in a child's private table, both sides awake"
            ),
            "a raw `sendmsg` and `recvmsg` of as many in one process",
            1.1,
            &arrived,
        ),
    ]
}
