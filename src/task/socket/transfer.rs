//! `sendmsg` and `recvmsg` as the kernel takes them, and what becomes of the fds in a message.
//!
//! # Safety
//!
//! 1. Every fd number in a call, also in a control message, comes from a handle or a borrow of the
//!    task's own table (`near`), and stays open for the call.
//! 2. Every address in a call, also in a structure it points to, is in a vector that the caller promises
//!    for, or lent, with its length; the kernel keeps none of them after the call, as `MSG_ZEROCOPY` is
//!    refused.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that the kernel reports with a message is new, open in the task's table and nobody else's.
//! 5. An address in a call is of a family in which it names no fd.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::mem::{MaybeUninit, offset_of};
use std::slice;

use rustix::io::Errno;
use rustix::net::{RecvFlags, ReturnFlags, SendFlags};

use crate::buf::Vector;
use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error, SyscallInterface};
use crate::task::arguments::{Plain, call, known, near, received, with_in_out};

use super::address::{LONGEST, SocketAddress};
use super::control::{self, Arrived};
use super::credentials::PeerCredentials;
use super::message::Received;

/// `struct msghdr`, as numbers.
#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    name: usize,
    name_length: libc::socklen_t,
    padding: u32,
    vectors: usize,
    vector_count: usize,
    control: usize,
    control_length: usize,
    flags: c_int,
    more_padding: u32,
}

// SAFETY: integers.
unsafe impl Plain for Header {}

const _: () = {
    assert!(size_of::<Header>() == size_of::<libc::msghdr>());
    assert!(offset_of!(Header, name) == offset_of!(libc::msghdr, msg_name));
    assert!(offset_of!(Header, name_length) == offset_of!(libc::msghdr, msg_namelen));
    assert!(offset_of!(Header, vectors) == offset_of!(libc::msghdr, msg_iov));
    assert!(offset_of!(Header, vector_count) == offset_of!(libc::msghdr, msg_iovlen));
    assert!(offset_of!(Header, control) == offset_of!(libc::msghdr, msg_control));
    assert!(offset_of!(Header, control_length) == offset_of!(libc::msghdr, msg_controllen));
    assert!(offset_of!(Header, flags) == offset_of!(libc::msghdr, msg_flags));
};

impl Header {
    /// Of a message in these memories, each given by its address and size.
    fn new(name: (usize, usize), vectors: (usize, usize), control: (usize, usize)) -> Self {
        Header {
            name: name.0,
            name_length: name.1 as libc::socklen_t,
            padding: 0,
            vectors: vectors.0,
            vector_count: vectors.1,
            control: control.0,
            control_length: control.1,
            flags: 0,
            more_padding: 0,
        }
    }
}

/// Sends what is in all the vectors, with fds.
///
/// # Safety
///
/// The vectors are memory of the task's own address space that may be read.
pub(super) unsafe fn send<K: far::Task + ?Sized>(
    task: &K,
    socket: &impl AsFd<K::FdTable>,
    to: Option<&SocketAddress>,
    vectors: &[Vector],
    fds: impl IntoIterator<Item: AsFd<K::FdTable>>,
    flags: SendFlags,
) -> Result<usize, Error> {
    let flags = known_send_flags(Call::SENDMSG, flags)?;
    // Owned fds among them are closed after the call.
    let fds: Vec<_> = fds.into_iter().collect();
    let numbers = fds.iter().map(|fd| Ok(near(task, Call::SENDMSG, fd)? as c_int));
    let numbers = numbers.collect::<Result<Vec<_>, Error>>()?;
    let nothing_to_go_with = vectors.iter().all(|vector| vector.length == 0);
    if numbers.len() > control::MOST_FDS || !numbers.is_empty() && nothing_to_go_with {
        return Err(Error::os(Call::SENDMSG, Errno::INVAL));
    }
    let control = control::rights(&numbers);
    let to = to.map_or(Ok(Vec::new()), SocketAddress::encode);
    let to = to.map_err(|errno| Error::os(Call::SENDMSG, errno))?;
    let interface = task.interface();
    interface
        .lend(&to, |to_address| {
            interface.lend(&control, |control_address| {
                interface.lend(Vector::as_bytes(vectors), |vectors_address| {
                    let header = Header::new(
                        (to_address, to.len()),
                        (vectors_address, vectors.len()),
                        (control_address, control.len()),
                    );
                    with_header(task, header, |header| {
                        // SAFETY: (1), (2), (3), (5)
                        unsafe {
                            call(
                                task,
                                Call::SENDMSG,
                                [near(task, Call::SENDMSG, socket)?, header, flags],
                            )
                        }
                    })
                })
            })
        })
        .map(|(sent, _)| sent)
}

/// Receives into all the vectors, one after the other, with up to `most_fds` fds.
///
/// # Safety
///
/// The vectors are memory of the task's own address space that may be written to.
pub(super) unsafe fn receive<K: far::Task + ?Sized>(
    task: &K,
    socket: &impl AsFd<K::FdTable>,
    vectors: &[Vector],
    most_fds: usize,
    flags: RecvFlags,
) -> Result<Received<K::FdTable, K::PidNamespace>, Error> {
    let flags = known_receive_flags(Call::RECVMSG, flags)?;
    let interface = task.interface();
    let most_fds = most_fds.min(control::MOST_FDS);
    let mut name = [MaybeUninit::new(0_u8); LONGEST];
    let mut control = vec![MaybeUninit::new(0_u8); control::room(most_fds)];
    let (name_size, control_size) = (name.len(), control.len());
    let (length, header) = interface.lend_mut(&mut name, |name_address| {
        interface.lend_mut(&mut control, |control_address| {
            interface.lend(Vector::as_bytes(vectors), |vectors_address| {
                let header = Header::new(
                    (name_address, name_size),
                    (vectors_address, vectors.len()),
                    (control_address, control_size),
                );
                with_header(task, header, |header| {
                    // SAFETY: (1), (2), (3)
                    unsafe {
                        call(
                            task,
                            Call::RECVMSG,
                            [near(task, Call::RECVMSG, socket)?, header, flags],
                        )
                    }
                })
            })
        })
    })?;
    let arrived = Arrived::parse(written(&control, header.control_length));
    let own = |number: c_int| {
        // SAFETY: (4)
        unsafe { received(task, number as usize) }
    };
    // Each has an owner before anything can fail.
    let pidfd = arrived.pidfd.map(own);
    let fds: Vec<_> = arrived.fds.into_iter().map(own).collect();

    let mut incomplete = fds.len() > most_fds;
    let mut keep = |fd: Result<_, Error>| match fd {
        // As the kernel does with those after the first for which the table has no room.
        Err(error) if error.errno().is_some() => {
            incomplete = true;
            Ok(None)
        }
        fd => fd.map(Some),
    };
    let pidfd = pidfd.map(&mut keep).transpose()?.flatten();
    let fds = fds.into_iter().take(most_fds).map_while(|fd| keep(fd).transpose());
    let fds = fds.collect::<Result<_, _>>()?;
    let mut flags = ReturnFlags::from_bits_retain(header.flags as u32);
    flags.remove(ReturnFlags::CMSG_CLOEXEC);
    flags.set(ReturnFlags::CTRUNC, incomplete || flags.contains(ReturnFlags::CTRUNC));
    Ok(Received {
        length,
        flags,
        from: SocketAddress::decode(written(&name, header.name_length as usize)),
        fds,
        credentials: arrived.credentials.map(PeerCredentials::from_kernel),
        pidfd,
    })
}

/// Runs `call` with the address of a copy of `header`: what it returned, and what has become of the copy.
fn with_header<K: far::Task + ?Sized>(
    task: &K,
    header: Header,
    call: impl FnOnce(usize) -> Result<usize, Error>,
) -> Result<(usize, Header), Error> {
    let mut returned = 0;
    let header = with_in_out(task, header, |address| {
        returned = call(address)?;
        Ok(returned)
    })?;
    Ok((returned, header))
}

/// What the kernel has written to zeroes, `length` bytes or all there are.
fn written(bytes: &[MaybeUninit<u8>], length: usize) -> &[u8] {
    let bytes = &bytes[..length.min(bytes.len())];
    // SAFETY: `receive` has initialised them.
    unsafe { slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

pub(super) fn known_send_flags(call: Call, flags: SendFlags) -> Result<usize, Error> {
    let allowed = SendFlags::CONFIRM
        | SendFlags::DONTROUTE
        | SendFlags::DONTWAIT
        | SendFlags::EOR
        | SendFlags::MORE
        | SendFlags::NOSIGNAL
        | SendFlags::OOB;
    Ok(known(call, flags.bits(), allowed.bits())? | SendFlags::NOSIGNAL.bits() as usize)
}

pub(super) fn known_receive_flags(call: Call, flags: RecvFlags) -> Result<usize, Error> {
    let allowed = RecvFlags::CMSG_CLOEXEC
        | RecvFlags::DONTWAIT
        | RecvFlags::ERRQUEUE
        | RecvFlags::OOB
        | RecvFlags::PEEK
        | RecvFlags::TRUNC
        | RecvFlags::WAITALL;
    Ok(known(call, flags.bits(), allowed.bits())? | RecvFlags::CMSG_CLOEXEC.bits() as usize)
}
