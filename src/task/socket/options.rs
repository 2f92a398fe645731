//! Options of sockets, one method each way.
//!
//! # Safety
//!
//! 1. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::c_int;
use std::num::NonZeroU32;
use std::time::Duration;

use libc::{
    IPPROTO_IPV6, IPPROTO_TCP, IPV6_V6ONLY, SO_BROADCAST, SO_KEEPALIVE, SO_PASSCRED, SO_REUSEADDR,
    SO_REUSEPORT, SOL_SOCKET, TCP_NODELAY,
};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SocketType};

use crate::far;
use crate::handle::{AsFd, Fd};
use crate::interface::Error;
use crate::task::arguments::received;

use super::credentials::PeerCredentials;
use super::value::{from_timeval, get, invalid, set, to_timeval};

/// Of `asm-generic/socket.h`: libc does not have it.
const SO_PASSPIDFD: c_int = 76;

/// Declares an option that is on or off.
macro_rules! switch {
    (
        $(#[doc = $about:literal])+ $level:ident $option:ident, $page:literal,
        $get:ident $set:ident
    ) => {
        #[doc = concat!("`getsockopt(socket, ", stringify!($level), ", ", stringify!($option), ")`—whether")]
        $(#[doc = $about])+
        ///
        /// Checked: `socket` is of this task's fd table.
        ///
        /// # Errors
        ///
        /// Of `getsockopt`: `ENOTSOCK` for what is no socket, `ENOPROTOOPT` or `EOPNOTSUPP` for one without this
        /// option.
        ///
        /// # References
        ///
        #[doc = reference!($page)]
        fn $get(&self, socket: impl AsFd<Self::FdTable>) -> Result<bool, Error> {
            Ok(get::<_, c_int>(self, &socket, $level, $option)? != 0)
        }

        #[doc = concat!("`setsockopt(socket, ", stringify!($level), ", ", stringify!($option), ", on)`—sets whether")]
        $(#[doc = $about])+
        ///
        /// Checked: `socket` is of this task's fd table.
        ///
        /// # Errors
        ///
        /// Of `setsockopt`: `ENOTSOCK` for what is no socket, `ENOPROTOOPT` or `EOPNOTSUPP` for one without this
        /// option.
        ///
        /// # References
        ///
        #[doc = reference!($page)]
        fn $set(&self, socket: impl AsFd<Self::FdTable>, on: bool) -> Result<(), Error> {
            set(self, &socket, $level, $option, c_int::from(on))
        }
    };
}

macro_rules! reference {
    ($page:literal) => {
        concat!("[`", $page, "(7)`](https://man7.org/linux/man-pages/man7/", $page, ".7.html)")
    };
}

/// Calls that ask for and set options of sockets.
///
/// An option belongs to the socket: every fd of it, in whatever table, sees it. Every fd has to be of the
/// task's own fd table: else the call does not compile.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait SocketOptionTask: far::Task {
    switch! {
        /// the socket may be bound to an address that a closed connection still has.
        SOL_SOCKET SO_REUSEADDR, "socket", getsockopt_reuseaddr setsockopt_reuseaddr
    }

    switch! {
        /// the socket may be bound to the same address as others that have this set, of the same user.
        SOL_SOCKET SO_REUSEPORT, "socket", getsockopt_reuseport setsockopt_reuseport
    }

    switch! {
        /// an idle connection is probed.
        SOL_SOCKET SO_KEEPALIVE, "socket", getsockopt_keepalive setsockopt_keepalive
    }

    switch! {
        /// datagrams may be sent to a broadcast address.
        SOL_SOCKET SO_BROADCAST, "socket", getsockopt_broadcast setsockopt_broadcast
    }

    switch! {
        /// messages come with [who sent them](super::Received::credentials).
        ///
        /// A Unix socket that has this set and no address gets an abstract one when it connects or
        /// sends.
        SOL_SOCKET SO_PASSCRED, "unix", getsockopt_passcred setsockopt_passcred
    }

    switch! {
        /// messages come with [a pidfd of who sent them](super::Received::pidfd). Before Linux 6.5 this is
        /// `ENOPROTOOPT`. A pidfd that comes along takes no room from the fds that were sent.
        ///
        /// As with [`setsockopt_passcred`](Self::setsockopt_passcred), a Unix socket without an address
        /// gets one.
        SOL_SOCKET SO_PASSPIDFD, "unix", getsockopt_passpidfd setsockopt_passpidfd
    }

    switch! {
        /// small amounts of data are sent at once.
        IPPROTO_TCP TCP_NODELAY, "tcp", getsockopt_nodelay setsockopt_nodelay
    }

    switch! {
        /// an IPv6 socket is for IPv6 only, and not for IPv4 too.
        IPPROTO_IPV6 IPV6_V6ONLY, "ipv6", getsockopt_v6only setsockopt_v6only
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_LINGER)`—for how long a close waits until what was sent has
    /// arrived; `None` if it does not wait.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_LINGER")]
    fn getsockopt_linger(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<Option<Duration>, Error> {
        let [on, seconds]: [c_int; 2] = get(self, &socket, libc::SOL_SOCKET, libc::SO_LINGER)?;
        Ok((on != 0).then(|| Duration::from_secs(seconds as u64)))
    }

    /// `setsockopt(socket, SOL_SOCKET, SO_LINGER, time)`—sets for how long a close waits until what was
    /// sent has arrived, in seconds, rounded up; `Some` of zero throws it away and resets the connection.
    ///
    /// Checked: `socket` is of this task's fd table. The wait is of the task that closes the last fd, also
    /// when a handle is dropped: in a driven task the next call waits for it, in this process the drop.
    ///
    /// # Errors
    ///
    /// Of `setsockopt`: `ENOTSOCK` for what is no socket; `EINVAL` for more seconds than an `int` holds.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_LINGER")]
    fn setsockopt_linger(
        &self,
        socket: impl AsFd<Self::FdTable>,
        time: Option<Duration>,
    ) -> Result<(), Error> {
        let time_or_zero = time.unwrap_or_default();
        let begun = u64::from(time_or_zero.subsec_nanos() > 0);
        let seconds = time_or_zero.as_secs().saturating_add(begun);
        let seconds: c_int = seconds.try_into().map_err(|_| invalid())?;
        let linger = [c_int::from(time.is_some()), seconds];
        set(self, &socket, libc::SOL_SOCKET, libc::SO_LINGER, linger)
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_RCVBUF)`—the size of the receive buffer in bytes: twice what was
    /// set.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_RCVBUF")]
    fn getsockopt_rcvbuf(&self, socket: impl AsFd<Self::FdTable>) -> Result<usize, Error> {
        get(self, &socket, libc::SOL_SOCKET, libc::SO_RCVBUF).map(|bytes: c_int| bytes as usize)
    }

    /// `setsockopt(socket, SOL_SOCKET, SO_RCVBUF, bytes)`—sets the size of the receive buffer, which the
    /// kernel doubles, after lowering it to `/proc/sys/net/core/rmem_max`.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setsockopt`: `ENOTSOCK` for what is no socket; `EINVAL` if `bytes` is more than an `int` holds.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_RCVBUF")]
    fn setsockopt_rcvbuf(
        &self,
        socket: impl AsFd<Self::FdTable>,
        bytes: usize,
    ) -> Result<(), Error> {
        let bytes = c_int::try_from(bytes).map_err(|_| invalid())?;
        set(self, &socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_SNDBUF)`—the size of the send buffer in bytes: twice what was
    /// set.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_SNDBUF")]
    fn getsockopt_sndbuf(&self, socket: impl AsFd<Self::FdTable>) -> Result<usize, Error> {
        get(self, &socket, libc::SOL_SOCKET, libc::SO_SNDBUF).map(|bytes: c_int| bytes as usize)
    }

    /// `setsockopt(socket, SOL_SOCKET, SO_SNDBUF, bytes)`—sets the size of the send buffer, which the
    /// kernel doubles, after lowering it to `/proc/sys/net/core/wmem_max`.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setsockopt`: `ENOTSOCK` for what is no socket; `EINVAL` if `bytes` is more than an `int` holds.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_SNDBUF")]
    fn setsockopt_sndbuf(
        &self,
        socket: impl AsFd<Self::FdTable>,
        bytes: usize,
    ) -> Result<(), Error> {
        let bytes = c_int::try_from(bytes).map_err(|_| invalid())?;
        set(self, &socket, libc::SOL_SOCKET, libc::SO_SNDBUF, bytes)
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_RCVTIMEO)`—for how long a call waits to receive, accept or
    /// read; `None` is for ever.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_RCVTIMEO")]
    fn getsockopt_rcvtimeo(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<Option<Duration>, Error> {
        get(self, &socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO).map(from_timeval)
    }

    /// `setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, limit)`—sets for how long a call waits to receive,
    /// accept or read before it fails with `EAGAIN`, in microseconds, rounded up; `None` is for ever.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setsockopt`: `ENOTSOCK` for what is no socket; `EINVAL` for a limit of zero.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_RCVTIMEO")]
    fn setsockopt_rcvtimeo(
        &self,
        socket: impl AsFd<Self::FdTable>,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        set(self, &socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, to_timeval(limit)?)
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_SNDTIMEO)`—for how long a call waits to send, connect or
    /// write; `None` is for ever.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_SNDTIMEO")]
    fn getsockopt_sndtimeo(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<Option<Duration>, Error> {
        get(self, &socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO).map(from_timeval)
    }

    /// `setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, limit)`—sets for how long a call waits to send,
    /// connect or write before it fails with `EAGAIN`, in microseconds, rounded up; `None` is for ever.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setsockopt`: `ENOTSOCK` for what is no socket; `EINVAL` for a limit of zero.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "SO_SNDTIMEO")]
    fn setsockopt_sndtimeo(
        &self,
        socket: impl AsFd<Self::FdTable>,
        limit: Option<Duration>,
    ) -> Result<(), Error> {
        set(self, &socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO, to_timeval(limit)?)
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_ERROR)`—takes what went wrong with the socket since it was last
    /// asked, such as the end of a connect that did not wait.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    #[doc(alias = "take_error")]
    fn getsockopt_error(&self, socket: impl AsFd<Self::FdTable>) -> Result<Option<Errno>, Error> {
        let errno: c_int = get(self, &socket, libc::SOL_SOCKET, libc::SO_ERROR)?;
        Ok((errno != 0).then(|| Errno::from_raw_os_error(errno)))
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_TYPE)`—stream, datagrams, or another type.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    fn getsockopt_type(&self, socket: impl AsFd<Self::FdTable>) -> Result<SocketType, Error> {
        let kind: c_int = get(self, &socket, libc::SOL_SOCKET, libc::SO_TYPE)?;
        Ok(SocketType::from_raw(kind as u32))
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_DOMAIN)`—the family of the socket.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    fn getsockopt_domain(&self, socket: impl AsFd<Self::FdTable>) -> Result<AddressFamily, Error> {
        let family: c_int = get(self, &socket, libc::SOL_SOCKET, libc::SO_DOMAIN)?;
        Ok(AddressFamily::from_raw(family as u16))
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_PROTOCOL)`—the protocol of the socket; `None` if its family and
    /// type have only one.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    fn getsockopt_protocol(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<Option<Protocol>, Error> {
        let protocol: c_int = get(self, &socket, libc::SOL_SOCKET, libc::SO_PROTOCOL)?;
        Ok(NonZeroU32::new(protocol as u32).map(Protocol::from_raw))
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN)`—whether the socket listens.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`socket(7)`](https://man7.org/linux/man-pages/man7/socket.7.html)
    fn getsockopt_acceptconn(&self, socket: impl AsFd<Self::FdTable>) -> Result<bool, Error> {
        Ok(get::<_, c_int>(self, &socket, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0)
    }

    /// `getsockopt(socket, IPPROTO_IP, IP_TTL)`—how many routers an IPv4 packet gets past.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`ip(7)`](https://man7.org/linux/man-pages/man7/ip.7.html)
    fn getsockopt_ttl(&self, socket: impl AsFd<Self::FdTable>) -> Result<u8, Error> {
        get(self, &socket, libc::IPPROTO_IP, libc::IP_TTL).map(|ttl: c_int| ttl as u8)
    }

    /// `setsockopt(socket, IPPROTO_IP, IP_TTL, ttl)`—sets how many routers an IPv4 packet gets past.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `setsockopt`: `EINVAL` for 0.
    ///
    /// # References
    ///
    /// [`ip(7)`](https://man7.org/linux/man-pages/man7/ip.7.html)
    fn setsockopt_ttl(&self, socket: impl AsFd<Self::FdTable>, ttl: u8) -> Result<(), Error> {
        set(self, &socket, libc::IPPROTO_IP, libc::IP_TTL, c_int::from(ttl))
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_PEERCRED)`—who was at the other end of a Unix socket when it was
    /// connected, or made the pair.
    ///
    /// Checked: `socket` is of this task's fd table, the pid that is returned of its pid namespace.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// let (stream, flags) = (SocketType::STREAM, SocketFlags::empty());
    /// let (left, _right) = child.socketpair(AddressFamily::UNIX, stream, None, flags)?;
    /// assert_eq!(here.getsockopt_peercred(&left)?.pid, Some(child.pid()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENOTSOCK` for what is no socket.
    ///
    /// # References
    ///
    /// [`unix(7)`](https://man7.org/linux/man-pages/man7/unix.7.html)
    fn getsockopt_peercred(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<PeerCredentials<Self::PidNamespace>, Error> {
        let credentials = get(self, &socket, libc::SOL_SOCKET, libc::SO_PEERCRED)?;
        Ok(PeerCredentials::from_kernel(credentials))
    }

    /// `getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD)`—a pidfd of who was at the other end of a Unix socket
    /// when it was connected, or made the pair.
    ///
    /// Checked: `socket` is of this task's fd table; so is the pidfd. Linux 6.5 and later. It holds on to
    /// that process, but who it is may be decided only by it, not by a pid that may have been used again.
    ///
    /// # Errors
    ///
    /// Of `getsockopt`: `ENODATA` if there is no peer, `ESRCH` or `EINVAL` on some kernels if it has been
    /// reaped, `EMFILE`, `ENOPROTOOPT` before Linux 6.5.
    ///
    /// # References
    ///
    /// [`unix(7)`](https://man7.org/linux/man-pages/man7/unix.7.html)
    fn getsockopt_peerpidfd(
        &self,
        socket: impl AsFd<Self::FdTable>,
    ) -> Result<Fd<Self::FdTable>, Error> {
        const SO_PEERPIDFD: c_int = 77;
        let number: c_int = get(self, &socket, libc::SOL_SOCKET, SO_PEERPIDFD)?;
        // SAFETY: (1)
        unsafe { received(self, number as usize) }
    }
}

impl<K: far::Task + ?Sized> SocketOptionTask for K {}
