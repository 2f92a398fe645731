//! Sending and receiving, and fds that cross tables.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call comes from a borrow of memory of the task's own address space, or from
//!    `lend`, with its length; the kernel keeps none of them after the call, as `MSG_ZEROCOPY` is
//!    refused.
//! 3. Flags are masked to those that are known.
//! 4. An address in a call is of a family in which it names no fd.
#![expect(unsafe_code, reason = "syscalls")]

use std::fmt;
use std::mem::MaybeUninit;

use rustix::net::{RecvFlags, ReturnFlags, SendFlags};

use crate::brand::Namespace;
use crate::buf::{Buf, BufMut, Vector};
use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};
use crate::task::arguments::{
    call, near, near_buffer, near_buffer_mut, near_buffers, near_buffers_mut,
};

use super::address::SocketAddress;
use super::credentials::PeerCredentials;
use super::endpoint::{with_address, with_name};
use super::transfer::{known_receive_flags, known_send_flags, receive, send};

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
/// A call that waits in a driven task can be ended by its [killer](crate::task::DrivenTask::killer). Every call
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
        let (address, length) = near_buffer(self, Call::SENDTO, buffer)?;
        // SAFETY: (1), (2), (3)
        unsafe {
            call(
                self,
                Call::SENDTO,
                [near(self, Call::SENDTO, &socket)?, address, length, flags, 0, 0],
            )
        }
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
        let (address, length) = near_buffer(self, Call::SENDTO, buffer)?;
        with_address(self, Call::SENDTO, &to.into(), |to, to_length| {
            let arguments =
                [near(self, Call::SENDTO, &socket)?, address, length, flags, to, to_length];
            // SAFETY: (1), (2), (3), (4)
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
        let (address, length) = near_buffer_mut(self, Call::RECVFROM, buffer)?;
        // SAFETY: (1), (2), (3)
        unsafe {
            call(
                self,
                Call::RECVFROM,
                [near(self, Call::RECVFROM, &socket)?, address, length, flags, 0, 0],
            )
        }
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
        let (address, length) = near_buffer_mut(self, Call::RECVFROM, buffer)?;
        with_name(self, |name, name_length| {
            let arguments =
                [near(self, Call::RECVFROM, &socket)?, address, length, flags, name, name_length];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::RECVFROM, arguments) }
        })
    }

    /// `sendmsg(socket, to, buffers, fds, flags)`—sends what is in all the buffers, and fds for the
    /// receiver's table.
    ///
    /// Checked: `socket` and `fds` are of this task's fd table, every buffer of its address space.
    /// Buffers are given as to [`writev`](crate::task::TransferTask::writev). Without fds, `fds` is
    /// `None::<&Fd<_>>`. The fds here stay as they are, but for those given by value, which are closed
    /// afterwards. If any byte was sent, so were all fds; through anything but a Unix socket none is, and
    /// no error says so.
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
    /// let text = ["both ends ", "of a pipe"];
    /// here.sendmsg(&left, None, &text, [&reader, &writer], SendFlags::empty())?;
    ///
    /// let mut buffer = [0; 64];
    /// let received = here.recvmsg(&right, &mut [&mut buffer], 2, RecvFlags::empty())?;
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
        buffers: &[impl Buf<Self::AddressSpace>],
        fds: impl IntoIterator<Item: AsFd<Self::FdTable>>,
        flags: SendFlags,
    ) -> Result<usize, Error> {
        let vectors = near_buffers(self, Call::SENDMSG, buffers)?;
        // SAFETY: (2)
        unsafe { send(self, &socket, to, vectors.as_slice(), fds, flags) }
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
        buffers: &mut [impl BufMut<Self::AddressSpace>],
        most_fds: usize,
        flags: RecvFlags,
    ) -> Result<Received<Self::FdTable, Self::PidNamespace>, Error> {
        let vectors = near_buffers_mut(self, Call::RECVMSG, buffers)?;
        // SAFETY: (2)
        unsafe { receive(self, &socket, vectors.as_slice(), most_fds, flags) }
    }

    /// `sendmsg(socket, fds)`—sends fds with one byte, for [`recv_fds`](Self::recv_fds) in another task or
    /// any program that takes fds.
    ///
    /// Checked: `socket` and `fds` are of this task's fd table. `socket` is to be a connected Unix socket.
    ///
    /// # Examples
    ///
    /// From this process's table into a child's private one, at any time: the socket is what the child was given for
    /// that when it got its table.
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let here = Task::here();
    /// let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    /// let (ours, its) = here.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    /// brand!(worker_fds);
    /// let (worker, its) = here.spawn_with_files(worker_fds, its)?;
    ///
    /// let (mut reader, writer) = std::os::unix::net::UnixStream::pair()?;
    /// here.send_fds(&ours, [writer])?;
    /// let [writer] = worker.recv_fds(&its)?;
    /// worker.write(&writer, b"from the worker")?;
    /// drop(writer);
    /// assert_eq!(std::io::read_to_string(&mut reader)?, "from the worker");
    /// # Ok(())
    /// # }
    /// ```
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
            // SAFETY: (2)
            unsafe { send(self, &socket, None, &byte, fds, SendFlags::empty()) }.map(drop)
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
    /// As [`recv`](Self::recv); [`EndOfStream`](ErrorKind::EndOfStream) if not even a byte came, as nobody has the
    /// other end any more; [`OtherFds`](ErrorKind::OtherFds) if fewer or more came, also fewer because the table is
    /// full: those that did come have been closed.
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
            // SAFETY: (2)
            let received = unsafe { receive(self, &socket, &byte, N, RecvFlags::empty()) }?;
            if received.flags.contains(ReturnFlags::CTRUNC) {
                return Err(other_fds);
            }
            if received.length == 0 && received.fds.is_empty() {
                return Err(Error::new(Call::RECVMSG, ErrorKind::EndOfStream));
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
    /// A pidfd of who sent it, if the socket [asks for that](super::SocketOptionTask::setsockopt_passpidfd).
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
