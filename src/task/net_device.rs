//! Network devices.
//!
//! # Safety
//!
//! 1. An fd in a call is of the task's own table and stays open for the call.
//! 2. What the kernel reads and writes is a `struct ifreq`, lent for the call.
#![expect(unsafe_code, reason = "syscalls")]

use std::mem::offset_of;

use rustix::io::Errno;

use crate::far;
use crate::handle::AsFd;
use crate::interface::{Call, Error, ErrorKind};

use super::arguments::{call, near, with_in_out};

/// Network devices of a task's network namespace.
///
/// The socket that is passed, of any kind, stands for the network namespace it was made in.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait NetDeviceTask: far::Task {
    /// `ioctl(socket, SIOCGIFFLAGS, name)`—whether a device is up.
    ///
    /// Checked: `socket` is of this task's fd table.
    ///
    /// # Errors
    ///
    /// Of `ioctl`: `ENODEV` if there is no such device, `ENOTTY` if it is no socket; `EINVAL` for a name
    /// that is empty or longer than 15 bytes. [`InteriorNul`](crate::ErrorKind::InteriorNul).
    ///
    /// # References
    ///
    /// [`netdevice(7)`](https://man7.org/linux/man-pages/man7/netdevice.7.html)
    #[doc(alias = "SIOCGIFFLAGS")]
    fn device_is_up(&self, socket: impl AsFd<Self::FdTable>, name: &str) -> Result<bool, Error> {
        Ok(flags(self, &socket, name)? & UP != 0)
    }

    /// `ioctl(socket, SIOCSIFFLAGS, name)`—takes a device up, or down.
    ///
    /// Checked: `socket` is of this task's fd table. The device's other flags stay as they are.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::NET)?;
    /// let socket =
    ///     child.socket(AddressFamily::INET, SocketType::DGRAM, None, SocketFlags::empty())?;
    /// assert!(!child.device_is_up(&socket, "lo")?);
    /// child.set_device_up(&socket, "lo", true)?;
    /// assert!(child.device_is_up(&socket, "lo")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`device_is_up`](Self::device_is_up), and `EPERM` without `CAP_NET_ADMIN`.
    ///
    /// # References
    ///
    /// [`netdevice(7)`](https://man7.org/linux/man-pages/man7/netdevice.7.html)
    #[doc(alias = "SIOCSIFFLAGS")]
    fn set_device_up(
        &self,
        socket: impl AsFd<Self::FdTable>,
        name: &str,
        up: bool,
    ) -> Result<(), Error> {
        let others = flags(self, &socket, name)? & !UP;
        let mut request = named(name)?;
        let flags = if up { others | UP } else { others };
        request[FLAGS..FLAGS + 2].copy_from_slice(&flags.to_ne_bytes());
        ask(self, &socket, libc::SIOCSIFFLAGS, request).map(drop)
    }
}

impl<K: far::Task + ?Sized> NetDeviceTask for K {}

/// `struct ifreq`: the name, and what the request is about.
type IfReq = [u8; size_of::<libc::ifreq>()];

const FLAGS: usize = offset_of!(libc::ifreq, ifr_ifru);
const UP: i16 = libc::IFF_UP as i16;

fn flags<K: far::Task + ?Sized>(
    task: &K,
    socket: &impl AsFd<K::FdTable>,
    name: &str,
) -> Result<i16, Error> {
    let answer = ask(task, socket, libc::SIOCGIFFLAGS, named(name)?)?;
    Ok(i16::from_ne_bytes([answer[FLAGS], answer[FLAGS + 1]]))
}

fn named(name: &str) -> Result<IfReq, Error> {
    let mut request = [0; size_of::<IfReq>()];
    if name.is_empty() || name.len() >= libc::IFNAMSIZ {
        return Err(Error::os(Call::IOCTL, Errno::INVAL));
    }
    if name.contains('\0') {
        return Err(Error::new(Call::IOCTL, ErrorKind::InteriorNul));
    }
    request[..name.len()].copy_from_slice(name.as_bytes());
    Ok(request)
}

fn ask<K: far::Task + ?Sized>(
    task: &K,
    socket: &impl AsFd<K::FdTable>,
    number: libc::Ioctl,
    request: IfReq,
) -> Result<IfReq, Error> {
    with_in_out(task, request, |request| {
        // SAFETY: (1), (2)
        unsafe {
            call(task, Call::IOCTL, [near(task, Call::IOCTL, socket)?, number as usize, request])
        }
    })
}
