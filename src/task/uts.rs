//! The names of host, domain and system.
//!
//! # Safety
//!
//! 1. Every address in a call is lent for the call, with its length; the kernel keeps none of them.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::{CStr, OsStr, c_char};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use rustix::path;

use crate::far;
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};

use super::arguments::{Plain, call, with_out};

/// Calls on the names of the UTS namespace that the task is in.
///
/// Every process there sees what they set. A driven child, and the calling thread, get a namespace of
/// their own by [`unshare`](super::NamespaceTask::unshare), with the names as they are.
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// let child = here.spawn()?;
/// child.unshare(Namespaces::USER | Namespaces::UTS)?;
/// child.sethostname("sandbox")?;
/// assert_eq!(child.uname()?.nodename(), "sandbox");
/// assert_ne!(here.uname()?.nodename(), "sandbox");
/// # Ok(())
/// # }
/// ```
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](ErrorKind::NotSent) if it was dead before, [`Hangup`](ErrorKind::Hangup) if it died
/// meanwhile.
pub trait UtsTask: far::Task {
    /// `uname()`—the names of the system and of the host.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`uname(2)`](https://man7.org/linux/man-pages/man2/uname.2.html)
    #[doc(alias = "gethostname")]
    #[doc(alias = "getdomainname")]
    fn uname(&self) -> Result<Uname, Error> {
        with_out(self, |address| {
            // SAFETY: (1)
            unsafe { call(self, Call::UNAME, [address]) }
        })
        .map(Uname)
    }

    /// `sethostname(name)`—sets the host name of the UTS namespace, for everybody in it.
    ///
    /// # Errors
    ///
    /// Of `sethostname`: `EINVAL` for more than 64 bytes, `EPERM` without `CAP_SYS_ADMIN` over the
    /// namespace; [`InteriorNul`](ErrorKind::InteriorNul).
    ///
    /// # References
    ///
    /// [`sethostname(2)`](https://man7.org/linux/man-pages/man2/sethostname.2.html)
    fn sethostname(&self, name: impl path::Arg) -> Result<(), Error> {
        set_name(self, Call::SETHOSTNAME, name)
    }

    /// `setdomainname(name)`—sets the NIS domain name of the UTS namespace, for everybody in it.
    ///
    /// # Errors
    ///
    /// As [`sethostname`](Self::sethostname).
    ///
    /// # References
    ///
    /// [`setdomainname(2)`](https://man7.org/linux/man-pages/man2/setdomainname.2.html)
    fn setdomainname(&self, name: impl path::Arg) -> Result<(), Error> {
        set_name(self, Call::SETDOMAINNAME, name)
    }
}

impl<K: far::Task + ?Sized> UtsTask for K {}

// SAFETY: a C struct of arrays of characters.
unsafe impl Plain for libc::utsname {}
/// What the kernel writes is as large as libc says.
const _: () = assert!(size_of::<libc::utsname>() == 6 * 65);

/// Names of the system and of the host: [`UtsTask::uname`].
#[derive(Clone, Copy)]
pub struct Uname(libc::utsname);

impl Uname {
    /// The kernel's: `Linux`.
    #[must_use]
    pub fn sysname(&self) -> &OsStr {
        text(&self.0.sysname)
    }

    /// The host name.
    #[must_use]
    #[doc(alias = "hostname")]
    pub fn nodename(&self) -> &OsStr {
        text(&self.0.nodename)
    }

    /// The kernel's release, such as `6.12.1`.
    #[must_use]
    pub fn release(&self) -> &OsStr {
        text(&self.0.release)
    }

    /// Which build of that release it is, and of when.
    #[must_use]
    pub fn version(&self) -> &OsStr {
        text(&self.0.version)
    }

    /// The processor's architecture, such as `x86_64`.
    #[must_use]
    pub fn machine(&self) -> &OsStr {
        text(&self.0.machine)
    }

    /// The NIS domain name; `(none)` if nobody has set one.
    #[must_use]
    pub fn domainname(&self) -> &OsStr {
        text(&self.0.domainname)
    }
}

impl fmt::Debug for Uname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uname")
            .field("sysname", &self.sysname())
            .field("nodename", &self.nodename())
            .field("release", &self.release())
            .field("version", &self.version())
            .field("machine", &self.machine())
            .field("domainname", &self.domainname())
            .finish()
    }
}

/// A field up to its NUL.
fn text(field: &[c_char; 65]) -> &OsStr {
    // SAFETY: `c_char` is a byte with another sign.
    let bytes = unsafe { &*std::ptr::from_ref(field).cast::<[u8; 65]>() };
    let text = CStr::from_bytes_until_nul(bytes).map_or(&bytes[..], CStr::to_bytes);
    OsStr::from_bytes(text)
}

/// The kernel takes the length, without a NUL.
fn set_name<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    value: impl path::Arg,
) -> Result<(), Error> {
    let lend = |value: &CStr| {
        let bytes = value.to_bytes();
        Ok(task.interface().lend(bytes, |address| {
            // SAFETY: (1)
            unsafe { call(task, name, [address, bytes.len()]) }.map(drop)
        }))
    };
    value.into_with_c_str(lend).unwrap_or(Err(Error::new(name, ErrorKind::InteriorNul)))
}
