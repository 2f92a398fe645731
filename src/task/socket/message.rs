//! Sending and receiving, and fds that cross tables.
//!
//! # Safety
//!
//! 1. Every fd number in a call, also in a control message, comes from a handle or a borrow of the
//!    task's own table (`near`), and stays open for the call.
//! 2. Every address in a call, also in a structure it points to, comes from a borrow of memory of the
//!    task's own address space, or from `lend`, with its length; the kernel keeps none of them after the
//!    call, as `MSG_ZEROCOPY` is refused.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that the kernel reports with a message is new, open in the task's table and nobody else's.
//! 5. An address in a call is of a family in which it names no fd.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::fmt;
use std::mem::{MaybeUninit, offset_of};
use std::slice;

use rustix::io::Errno;
use rustix::net::{RecvFlags, ReturnFlags, SendFlags};

use crate::brand::Namespace;
use crate::buf::{Buf, BufMut, IoBuf, IoBufMut, Vector};
use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};
use crate::task::arguments::{Plain, call, near, received, with_in_out};

use super::address::{LONGEST, SocketAddress};
use super::control::{self, Arrived};
use super::credentials::PeerCredentials;
use super::endpoint::{with_address, with_name};

/// Calls that send and receive through sockets, fds included.
///
/// Every fd has to be of the task's own fd table, and every buffer of its own address space: else the
/// call does not compile. Nothing that is sent raises `SIGPIPE`: `MSG_NOSIGNAL` is always set.
///
/// A Unix socket is the way for an fd into a table that exists already: the sender names it in its own
/// table, and the receiver gets another one, in its own, of the same open file.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
/// let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
/// brand!(private_fds);
/// let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
///
/// let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
/// here.send_fds(&ours, [&null])?;
/// let [null] = child.recv_fds(&its)?;
/// child.write(&null, b"from the child")?;
/// # Ok(())
/// # }
/// ```
///
/// A call that waits in a driven task can be ended by its [killer](crate::Task::killer). Every call
/// there can also fail because the task has died: [`NotSent`](ErrorKind::NotSent) if it was dead
/// before, [`Hangup`](ErrorKind::Hangup) if it died meanwhile. Fds that it received before it could
/// answer then stay open in its table, if others live in it.
pub trait SocketMessageTask: far::Task {
    /// `send(socket, buffer, flags)`—sends to who the socket is connected to.
    ///
    /// Checked: `socket` is of this task's fd table, `buffer` of its address space. Returns how many
    /// bytes were sent, which may be fewer than there are.
    ///
    /// # Errors
    ///
    /// Of `send`: `EPIPE`, `ECONNRESET`, `ENOTCONN`, `EMSGSIZE`, `EAGAIN`;
    /// [`UnknownFlags`](ErrorKind::UnknownFlags) for `MSG_ZEROCOPY` and what [`SendFlags`] has no name for.
    ///
    /// # References
    ///
    /// [`send(2)`](https://man7.org/linux/man-pages/man2/send.2.html)
    fn send(
        &self,
        socket: impl AsFd<Self::FdTable>,
        buffer: &(impl Buf<Self::AddressSpace> + ?Sized),
        flags: SendFlags,
    ) -> Result<usize, Error> {
        let flags = known_send_flags(Call::SENDTO, flags)?;
        let (address, length) = (buffer.address().as_raw(), buffer.length());
        // SAFETY: (1), (2), (3)
        unsafe { call(self, Call::SENDTO, [near(self, &socket), address, length, flags, 0, 0]) }
    }

    /// `sendto(socket, buffer, flags, to)`—sends a datagram to an address.
    ///
    /// Checked: as [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `EISCONN`; `EAFNOSUPPORT` for [`SocketAddress::Other`].
    ///
    /// # References
    ///
    /// [`sendto(2)`](https://man7.org/linux/man-pages/man2/send.2.html)
    fn sendto(
        &self,
        socket: impl AsFd<Self::FdTable>,
        buffer: &(impl Buf<Self::AddressSpace> + ?Sized),
        flags: SendFlags,
        to: impl Into<SocketAddress>,
    ) -> Result<usize, Error> {
        let flags = known_send_flags(Call::SENDTO, flags)?;
        let (address, length) = (buffer.address().as_raw(), buffer.length());
        with_address(self, Call::SENDTO, &to.into(), |to, to_length| {
            let arguments = [near(self, &socket), address, length, flags, to, to_length];
            // SAFETY: (1), (2), (3), (5)
            unsafe { call(self, Call::SENDTO, arguments) }
        })
    }

    /// `recv(socket, buffer, flags)`—receives.
    ///
    /// Checked: `socket` is of this task's fd table, `buffer` of its address space. Returns how many
    /// bytes were received, 0 at the end of a stream; with `MSG_TRUNC`, how long the datagram was, which
    /// may be more than the buffer holds. Fds that come with it are not opened.
    ///
    /// # Errors
    ///
    /// Of `recv`: `ECONNREFUSED`, `ECONNRESET`, `ENOTCONN`, `EAGAIN`;
    /// [`UnknownFlags`](ErrorKind::UnknownFlags) for what [`RecvFlags`] has no name for.
    ///
    /// # References
    ///
    /// [`recv(2)`](https://man7.org/linux/man-pages/man2/recv.2.html)
    fn recv(
        &self,
        socket: impl AsFd<Self::FdTable>,
        buffer: &mut (impl BufMut<Self::AddressSpace> + ?Sized),
        flags: RecvFlags,
    ) -> Result<usize, Error> {
        let flags = known_receive_flags(Call::RECVFROM, flags)?;
        let (length, address) = (buffer.length(), buffer.address_mut().as_raw());
        // SAFETY: (1), (2), (3)
        unsafe { call(self, Call::RECVFROM, [near(self, &socket), address, length, flags, 0, 0]) }
    }

    /// `recvfrom(socket, buffer, flags)`—receives, and says from whom; `None` if the socket is connected,
    /// or the sender has no address.
    ///
    /// Checked: as [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # References
    ///
    /// [`recvfrom(2)`](https://man7.org/linux/man-pages/man2/recv.2.html)
    fn recvfrom(
        &self,
        socket: impl AsFd<Self::FdTable>,
        buffer: &mut (impl BufMut<Self::AddressSpace> + ?Sized),
        flags: RecvFlags,
    ) -> Result<(usize, Option<SocketAddress>), Error> {
        let flags = known_receive_flags(Call::RECVFROM, flags)?;
        let (length, address) = (buffer.length(), buffer.address_mut().as_raw());
        with_name(self, |name, name_length| {
            let arguments = [near(self, &socket), address, length, flags, name, name_length];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::RECVFROM, arguments) }
        })
    }

    /// `sendmsg(socket, to, buffers, fds, flags)`—sends what is in all the buffers, and fds for the
    /// receiver's table.
    ///
    /// Checked: `socket` and `fds` are of this task's fd table, `buffers` of its address space. Without
    /// fds, `fds` is `None::<&Fd<_>>`. The fds here stay as they are, but for those given by value,
    /// which are closed afterwards. If any byte was sent, so were all fds; through anything but a Unix
    /// socket none is, and no error says so.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    /// let (left, right) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// let buffers = [IoBuf::new(b"both ends "), IoBuf::new(b"of a pipe")];
    /// here.sendmsg(&left, None, &buffers, [&reader, &writer], SendFlags::empty())?;
    ///
    /// let mut buffer = [0; 64];
    /// let buffers = &mut [IoBufMut::new(&mut buffer)];
    /// let received = here.recvmsg(&right, buffers, 2, RecvFlags::empty())?;
    /// assert_eq!((received.length, received.fds.len()), (19, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`sendto`](Self::sendto); `EINVAL` for more than 253 fds, and for fds without a byte, which a
    /// stream would lose; `ETOOMANYREFS` if too many are on their way, `EPERM` if the receiver takes none
    /// (`SO_PASSRIGHTS`).
    ///
    /// # References
    ///
    /// [`sendmsg(2)`](https://man7.org/linux/man-pages/man2/send.2.html),
    /// [`unix(7)`](https://man7.org/linux/man-pages/man7/unix.7.html)
    #[doc(alias = "SCM_RIGHTS")]
    fn sendmsg(
        &self,
        socket: impl AsFd<Self::FdTable>,
        to: Option<&SocketAddress>,
        buffers: &[IoBuf<'_, Self::AddressSpace>],
        fds: impl IntoIterator<Item: AsFd<Self::FdTable>>,
        flags: SendFlags,
    ) -> Result<usize, Error> {
        send(self, &socket, to, IoBuf::vectors(buffers), fds, flags)
    }

    /// `recvmsg(socket, buffers, flags)`—receives into the buffers, one after the other, and takes up to
    /// `most_fds` fds into this task's table.
    ///
    /// Checked: `socket` is of this task's fd table, `buffers` of its address space; the fds that are
    /// returned are this task's own, close-on-exec, and never 0, 1 or 2. Those for which there is no
    /// room are not opened, or closed again, and [`flags`](Received::flags) then contains
    /// [`CTRUNC`](ReturnFlags::CTRUNC); so it does if the table is full. They are gone in either case,
    /// unless `MSG_PEEK` is set: then every call makes new ones. In a stream, fds come with the first
    /// byte they were sent with, and no call reads across fds.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # References
    ///
    /// [`recvmsg(2)`](https://man7.org/linux/man-pages/man2/recv.2.html),
    /// [`unix(7)`](https://man7.org/linux/man-pages/man7/unix.7.html)
    #[doc(alias = "SCM_RIGHTS")]
    fn recvmsg(
        &self,
        socket: impl AsFd<Self::FdTable>,
        buffers: &mut [IoBufMut<'_, Self::AddressSpace>],
        most_fds: usize,
        flags: RecvFlags,
    ) -> Result<Received<Self::FdTable, Self::PidNamespace>, Error> {
        receive(self, &socket, IoBufMut::vectors(buffers), most_fds, flags)
    }

    /// `sendmsg(socket, fds)`—sends fds with one byte, for [`recv_fds`](Self::recv_fds) in another task or
    /// any program that takes fds.
    ///
    /// Checked: `socket` and `fds` are of this task's fd table. `socket` is to be a connected Unix socket.
    ///
    /// # Errors
    ///
    /// As [`sendmsg`](Self::sendmsg).
    ///
    /// # References
    ///
    /// [`unix(7)`](https://man7.org/linux/man-pages/man7/unix.7.html)
    #[doc(alias = "SCM_RIGHTS")]
    fn send_fds(
        &self,
        socket: impl AsFd<Self::FdTable>,
        fds: impl IntoIterator<Item: AsFd<Self::FdTable>>,
    ) -> Result<(), Error> {
        self.interface().lend(&[0], |address| {
            let byte = [Vector { address, length: 1 }];
            send(self, &socket, None, &byte, fds, SendFlags::empty()).map(drop)
        })
    }

    /// `recvmsg(socket)`—receives one byte and exactly `N` fds, as [`send_fds`](Self::send_fds) sends
    /// them.
    ///
    /// Checked: `socket` is of this task's fd table; the fds that are returned are this task's own,
    /// close-on-exec, and never 0, 1 or 2.
    ///
    /// # Examples
    ///
    /// From a child's private table into this process's:
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let here = Task::here();
    /// let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    /// let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    /// brand!(private_fds);
    /// let (child, its) = here.spawn()?.unshare_files(private_fds, its)?;
    /// let name = child.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
    /// child.send_fds(&its, [&name])?;
    /// let [name] = here.recv_fds(&ours)?;
    /// let name = std::io::read_to_string(std::fs::File::from(name))?;
    /// # assert!(!name.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); [`OtherFds`](ErrorKind::OtherFds) if fewer or more came, also none at the end
    /// of a stream, or fewer because the table is full: those that did come have been closed.
    ///
    /// # References
    ///
    /// [`unix(7)`](https://man7.org/linux/man-pages/man7/unix.7.html)
    #[doc(alias = "SCM_RIGHTS")]
    fn recv_fds<const N: usize>(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<[Fd<Self::FdTable>; N], Error> {
        let other_fds = Error::new(Call::RECVMSG, ErrorKind::OtherFds);
        self.interface().lend_mut(&mut [MaybeUninit::uninit()], |address| {
            let byte = [Vector { address, length: 1 }];
            let received = receive(self, &socket, &byte, N, RecvFlags::empty())?;
            if received.flags.contains(ReturnFlags::CTRUNC) {
                return Err(other_fds);
            }
            received.fds.try_into().map_err(|_| other_fds)
        })
    }
}

impl<K: far::Task + ?Sized> SocketMessageTask for K {}

/// A message, and what came with it: [`SocketMessageTask::recvmsg`].
#[must_use = "dropping it closes the fds that came with the message"]
#[non_exhaustive]
pub struct Received<F, P> {
    /// How many bytes are in the buffers, 0 at the end of a stream; with `MSG_TRUNC` among the call's
    /// flags, how long the datagram was.
    pub length: usize,
    /// What else is known: [`TRUNC`](ReturnFlags::TRUNC) if a datagram was longer than the buffers,
    /// [`CTRUNC`](ReturnFlags::CTRUNC) if not everything that came with it is here.
    pub flags: ReturnFlags,
    /// From whom; `None` if the socket is connected, or the sender has no address.
    pub from: Option<SocketAddress>,
    /// The fds that came with it, in the order they were sent.
    pub fds: Vec<Fd<F>>,
    /// Who sent it, if the socket [asks for that](super::SocketOptionTask::setsockopt_passcred).
    pub credentials: Option<PeerCredentials<P>>,
    /// A pidfd of who sent it, if somebody has set `SO_PASSPIDFD` on the socket.
    pub pidfd: Option<Fd<F>>,
}

impl<F: Namespace, P: Namespace> fmt::Debug for Received<F, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("length", &self.length)
            .field("flags", &self.flags)
            .field("from", &self.from)
            .field("fds", &self.fds)
            .field("credentials", &self.credentials)
            .field("pidfd", &self.pidfd)
            .finish()
    }
}

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

fn send<K: far::Task + ?Sized>(
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
    let numbers: Vec<_> = fds.iter().map(|fd| near(task, fd) as c_int).collect();
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
                        unsafe { call(task, Call::SENDMSG, [near(task, socket), header, flags]) }
                    })
                })
            })
        })
        .map(|(sent, _)| sent)
}

fn receive<K: far::Task + ?Sized>(
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
                    unsafe { call(task, Call::RECVMSG, [near(task, socket), header, flags]) }
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

fn known_send_flags(call: Call, flags: SendFlags) -> Result<usize, Error> {
    let known = SendFlags::CONFIRM
        | SendFlags::DONTROUTE
        | SendFlags::DONTWAIT
        | SendFlags::EOR
        | SendFlags::MORE
        | SendFlags::NOSIGNAL
        | SendFlags::OOB;
    if known.contains(flags) {
        Ok((flags | SendFlags::NOSIGNAL).bits() as usize)
    } else {
        Err(Error::new(call, ErrorKind::UnknownFlags))
    }
}

fn known_receive_flags(call: Call, flags: RecvFlags) -> Result<usize, Error> {
    let known = RecvFlags::CMSG_CLOEXEC
        | RecvFlags::DONTWAIT
        | RecvFlags::ERRQUEUE
        | RecvFlags::OOB
        | RecvFlags::PEEK
        | RecvFlags::TRUNC
        | RecvFlags::WAITALL;
    if known.contains(flags) {
        Ok((flags | RecvFlags::CMSG_CLOEXEC).bits() as usize)
    } else {
        Err(Error::new(call, ErrorKind::UnknownFlags))
    }
}
