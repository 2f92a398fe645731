//! Making sockets, and naming and connecting them.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, with its length; the kernel keeps none of them after the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
//! 5. An address in a call is of a family in which it names no fd.
#![expect(unsafe_code, reason = "syscalls")]

use std::mem::offset_of;

use rustix::net::{AddressFamily, Protocol, Shutdown, SocketFlags, SocketType};

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::{Call, Error, SyscallInterface};
use crate::task::Ends;
use crate::task::arguments::{Plain, call, known, near, received, received_ends, with_in_out};

use super::address::{LONGEST, SocketAddress};

/// Calls that make sockets, name and connect them.
///
/// Every fd has to be of the task's own fd table: else the call does not compile. Every fd that a call
/// returns is close-on-exec, and never 0, 1 or 2. What goes through a socket is in
/// [`SocketMessageTask`](super::SocketMessageTask), its options in
/// [`SocketOptionTask`](super::SocketOptionTask).
///
/// A call that waits in a driven task can be ended by its [killer](crate::task::DrivenTask::killer). Every call
/// there can also fail because the task has died: [`NotSent`](crate::ErrorKind::NotSent) if it was dead
/// before, [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait SocketTask: far::Task {
    /// `socket(family, kind, protocol)`—a socket that is not connected.
    ///
    /// Checked: `flags` are `SOCK_NONBLOCK` and `SOCK_CLOEXEC`, which is always set. A socket is in the
    /// task's network namespace, and stays there.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::{Ipv4Addr, SocketAddr, TcpStream};
    ///
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let child = Task::here().spawn()?;
    /// let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    /// let listener = child.socket(AddressFamily::INET, stream, None, flags)?;
    /// child.bind(&listener, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    /// child.listen(&listener, 16)?;
    /// let address = SocketAddr::try_from(child.getsockname(&listener)?)?;
    ///
    /// let client = TcpStream::connect(address)?;
    /// let (connection, peer) = child.accept4(&listener, SocketFlags::empty())?;
    /// assert_eq!(peer, client.local_addr()?.into());
    /// # drop(connection);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `socket`: `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EPERM`, `EMFILE`;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for other flags, also if they are in `kind`.
    ///
    /// # References
    ///
    /// [`socket(2)`](https://man7.org/linux/man-pages/man2/socket.2.html)
    fn socket(
        &self,
        family: AddressFamily,
        kind: SocketType,
        protocol: Option<Protocol>,
        flags: SocketFlags,
    ) -> Result<Fd<Self::FdTable>, Error> {
        let arguments = described(Call::SOCKET, family, kind, protocol, flags)?;
        // SAFETY: (3); takes numbers only.
        let number = unsafe { call(self, Call::SOCKET, arguments) }?;
        // SAFETY: (4)
        unsafe { received(self, number) }
    }

    /// `socketpair(family, kind, protocol)`—two sockets that are connected to each other.
    ///
    /// Checked: as [`socket`](Self::socket). Each can go to another table, and then
    /// [carry fds](super::SocketMessageTask::send_fds) from one to the other.
    ///
    /// # Errors
    ///
    /// Of `socketpair`: `EOPNOTSUPP` for families without pairs, `EMFILE`;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) as for `socket`.
    ///
    /// # References
    ///
    /// [`socketpair(2)`](https://man7.org/linux/man-pages/man2/socketpair.2.html)
    fn socketpair(
        &self,
        family: AddressFamily,
        kind: SocketType,
        protocol: Option<Protocol>,
        flags: SocketFlags,
    ) -> Result<Ends<Self>, Error> {
        let [family, kind, protocol] = described(Call::SOCKETPAIR, family, kind, protocol, flags)?;
        let make = |address| {
            // SAFETY: (2), (3)
            unsafe { call(self, Call::SOCKETPAIR, [family, kind, protocol, address]) }
        };
        // SAFETY: (4)
        unsafe { received_ends(self, Call::SOCKETPAIR, make) }
    }

    /// `bind(socket, address)`—gives the socket an address of its own.
    ///
    /// Checked: `socket` is of this task's fd table. An unnamed Unix address has the kernel choose an
    /// abstract name. A path becomes a file, which stays when the socket is closed.
    ///
    /// # Errors
    ///
    /// Of `bind`: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EINVAL` if it has one already;
    /// `EAFNOSUPPORT` for [`SocketAddress::Other`].
    ///
    /// # References
    ///
    /// [`bind(2)`](https://man7.org/linux/man-pages/man2/bind.2.html)
    fn bind(
        &self,
        socket: impl AsFd<Self::FdTable>,
        address: impl Into<SocketAddress>,
    ) -> Result<(), Error> {
        with_address(self, Call::BIND, &address.into(), |address, length| {
            // SAFETY: (1), (2), (5)
            unsafe { call(self, Call::BIND, [near(self, Call::BIND, &socket)?, address, length]) }
                .map(drop)
        })
    }

    /// `listen(socket, backlog)`—lets others connect to the socket: so many before they are accepted.
    ///
    /// Checked: `socket` is of this task's fd table. The kernel lowers `backlog` to
    /// `/proc/sys/net/core/somaxconn`.
    ///
    /// # Errors
    ///
    /// Of `listen`: `EADDRINUSE`, `EOPNOTSUPP`.
    ///
    /// # References
    ///
    /// [`listen(2)`](https://man7.org/linux/man-pages/man2/listen.2.html)
    fn listen(&self, socket: impl AsFd<Self::FdTable>, backlog: u32) -> Result<(), Error> {
        // SAFETY: (1)
        unsafe { call(self, Call::LISTEN, [near(self, Call::LISTEN, &socket)?, backlog as usize]) }
            .map(drop)
    }

    /// `accept4(socket)`—waits for somebody to connect: the connection, and where they are.
    ///
    /// Checked: `socket` is of this task's fd table; `flags` are `SOCK_NONBLOCK` and `SOCK_CLOEXEC`,
    /// which is always set. If a driven task dies before it answers, a connection that it accepted in a
    /// table which others share stays open there.
    ///
    /// # Errors
    ///
    /// Of `accept4`: `EAGAIN`, `ECONNABORTED`, `EMFILE`, `EINVAL` if it does not listen, and errors of the
    /// new connection; [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for other flags.
    ///
    /// # References
    ///
    /// [`accept4(2)`](https://man7.org/linux/man-pages/man2/accept.2.html)
    #[doc(alias = "accept")]
    fn accept4(
        &self,
        socket: impl AsFd<Self::FdTable>,
        flags: SocketFlags,
    ) -> Result<(Fd<Self::FdTable>, SocketAddress), Error> {
        let flags = known_socket_flags(Call::ACCEPT4, flags)?;
        let (number, peer) = with_name(self, |name, length| {
            // SAFETY: (1), (2), (3)
            unsafe {
                call(
                    self,
                    Call::ACCEPT4,
                    [near(self, Call::ACCEPT4, &socket)?, name, length, flags],
                )
            }
        })?;
        // SAFETY: (4)
        let connection = unsafe { received(self, number) }?;
        Ok((connection, peer.unwrap_or_else(SocketAddress::none)))
    }

    /// `connect(socket, address)`—connects the socket to who is there, or sets where a datagram socket
    /// sends to.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `connect`: `ECONNREFUSED`, `ENOENT`, `ETIMEDOUT`, `EINPROGRESS` if it does not wait,
    /// `EPROTOTYPE`, ...; `EAFNOSUPPORT` for [`SocketAddress::Other`].
    ///
    /// # References
    ///
    /// [`connect(2)`](https://man7.org/linux/man-pages/man2/connect.2.html)
    fn connect(
        &self,
        socket: impl AsFd<Self::FdTable>,
        address: impl Into<SocketAddress>,
    ) -> Result<(), Error> {
        with_address(self, Call::CONNECT, &address.into(), |address, length| {
            // SAFETY: (1), (2), (5)
            unsafe {
                call(self, Call::CONNECT, [near(self, Call::CONNECT, &socket)?, address, length])
            }
            .map(drop)
        })
    }

    /// `shutdown(socket, how)`—ends a connection in one or both directions, for every fd of the socket in
    /// whatever table.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `shutdown`: `ENOTCONN`.
    ///
    /// # References
    ///
    /// [`shutdown(2)`](https://man7.org/linux/man-pages/man2/shutdown.2.html)
    fn shutdown(&self, socket: impl AsFd<Self::FdTable>, how: Shutdown) -> Result<(), Error> {
        let how = match how {
            Shutdown::Read => libc::SHUT_RD,
            Shutdown::Write => libc::SHUT_WR,
            Shutdown::Both => libc::SHUT_RDWR,
        };
        // SAFETY: (1)
        unsafe { call(self, Call::SHUTDOWN, [near(self, Call::SHUTDOWN, &socket)?, how as usize]) }
            .map(drop)
    }

    /// `getsockname(socket)`—the socket's own address.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockname`: `ENOTSOCK`.
    ///
    /// # References
    ///
    /// [`getsockname(2)`](https://man7.org/linux/man-pages/man2/getsockname.2.html)
    fn getsockname(&self, socket: impl AsFd<Self::FdTable>) -> Result<SocketAddress, Error> {
        let (_, address) = with_name(self, |name, length| {
            // SAFETY: (1), (2)
            unsafe {
                call(
                    self,
                    Call::GETSOCKNAME,
                    [near(self, Call::GETSOCKNAME, &socket)?, name, length],
                )
            }
        })?;
        Ok(address.unwrap_or_else(SocketAddress::none))
    }

    /// `getpeername(socket)`—the address that the socket is connected to.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getpeername`: `ENOTCONN`, `ENOTSOCK`.
    ///
    /// # References
    ///
    /// [`getpeername(2)`](https://man7.org/linux/man-pages/man2/getpeername.2.html)
    fn getpeername(&self, socket: impl AsFd<Self::FdTable>) -> Result<SocketAddress, Error> {
        let (_, address) = with_name(self, |name, length| {
            // SAFETY: (1), (2)
            unsafe {
                call(
                    self,
                    Call::GETPEERNAME,
                    [near(self, Call::GETPEERNAME, &socket)?, name, length],
                )
            }
        })?;
        Ok(address.unwrap_or_else(SocketAddress::none))
    }
}

impl<K: far::Task + ?Sized> SocketTask for K {}

/// The bits of a socket's type; above them are flags.
const TYPE: u32 = 0xf;

/// The arguments that `socket` and `socketpair` begin with.
fn described(
    call: Call,
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
    flags: SocketFlags,
) -> Result<[usize; 3], Error> {
    let flags = known_socket_flags(call, flags)?;
    let kind = known(call, kind.as_raw(), TYPE)?;
    let protocol = protocol.map_or(0, |protocol| protocol.as_raw().get());
    Ok([family.as_raw() as usize, kind | flags, protocol as usize])
}

fn known_socket_flags(call: Call, flags: SocketFlags) -> Result<usize, Error> {
    let allowed = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);
    Ok(known(call, flags.bits(), allowed.bits())? | SocketFlags::CLOEXEC.bits() as usize)
}

/// An address for the kernel to write, and its length.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Name {
    address: [u8; LONGEST],
    length: libc::socklen_t,
}

// SAFETY: integers.
unsafe impl Plain for Name {}

impl Name {
    pub(super) const EMPTY: Name =
        Name { address: [0; LONGEST], length: LONGEST as libc::socklen_t };

    fn decode(&self) -> Option<SocketAddress> {
        SocketAddress::decode(&self.address[..LONGEST.min(self.length as usize)])
    }
}

/// Runs `call` with an address of the kernel's, and its length, in the task's memory.
pub(super) fn with_address<K: far::Task + ?Sized, R>(
    task: &K,
    name: Call,
    address: &SocketAddress,
    call: impl FnOnce(usize, usize) -> Result<R, Error>,
) -> Result<R, Error> {
    let bytes = address.encode().map_err(|errno| Error::os(name, errno))?;
    task.interface().lend(&bytes, |at| call(at, bytes.len()))
}

/// Runs `call` with the addresses of an address and its length, for the kernel to fill in.
pub(super) fn with_name<K: far::Task + ?Sized>(
    task: &K,
    call: impl FnOnce(usize, usize) -> Result<usize, Error>,
) -> Result<(usize, Option<SocketAddress>), Error> {
    let mut returned = 0;
    let name = with_in_out(task, Name::EMPTY, |at| {
        returned = call(at + offset_of!(Name, address), at + offset_of!(Name, length))?;
        Ok(returned)
    })?;
    Ok((returned, name.decode()))
}
