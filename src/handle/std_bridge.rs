//! std's fd types and ours, for this process's table only.
//!
//! # Safety
//!
//! 1. std's descriptors are slots of the fd table of this process, which `HostFds` brands.
//! 2. [`HostTable`] is implemented for `HostFds` only.
#![expect(unsafe_code, reason = "passes ownership between two I/O-safe types")]

use std::ffi::c_int;
use std::os::fd::{self, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use super::sealed::Sealed;
use super::{AsDirFd, AsFd, BorrowedFd, ChildProcess, Fd};
use crate::brand::{Dynamic, HostFds};
use crate::far::{FdTable, HostTable, Whose};
use crate::near;
use crate::process::Child;

/// The slot of an fd that std holds open.
///
/// # Panics
///
/// For rustix's `CWD` and `ABS`, which have the type of one.
#[inline]
fn host_slot(fd: &impl AsRawFd) -> near::Fd<HostFds> {
    near::Fd::new(fd.as_raw_fd()).expect("rustix's `CWD` and `ABS` are no fds: pass `Cwd`")
}

impl From<OwnedFd> for Fd<HostFds> {
    fn from(fd: OwnedFd) -> Self {
        let slot = host_slot(&fd);
        // SAFETY: (1); std's ownership ends here and ours begins.
        let ours = unsafe { Fd::from_near(slot, &FdTable::HOST) };
        let _given_up = fd.into_raw_fd();
        ours
    }
}

impl<F: HostTable> From<Fd<F>> for OwnedFd {
    fn from(fd: Fd<F>) -> Self {
        // SAFETY: (1), (2); our ownership ends here and std's begins.
        unsafe { OwnedFd::from_raw_fd(fd.into_near().as_raw()) }
    }
}

impl<F: HostTable> fd::AsFd for Fd<F> {
    fn as_fd(&self) -> fd::BorrowedFd<'_> {
        // SAFETY: (1), (2); open for as long as `self` is borrowed.
        unsafe { fd::BorrowedFd::borrow_raw(self.near().as_raw()) }
    }
}

macro_rules! host_owners {
    ($($owner:ty),+ $(,)?) => {$(
        impl From<$owner> for Fd<HostFds> {
            fn from(owner: $owner) -> Self {
                OwnedFd::from(owner).into()
            }
        }

        impl<F: HostTable> From<Fd<F>> for $owner {
            fn from(fd: Fd<F>) -> Self {
                OwnedFd::from(fd).into()
            }
        }
    )+};
}

with_std_owners! { host_owners }

impl<F: HostTable> From<Fd<F>> for std::process::Stdio {
    fn from(fd: Fd<F>) -> Self {
        OwnedFd::from(fd).into()
    }
}

impl<F: HostTable> fd::AsFd for BorrowedFd<'_, F> {
    fn as_fd(&self) -> fd::BorrowedFd<'_> {
        (*self).into()
    }
}

impl<F: HostTable> AsRawFd for Fd<F> {
    fn as_raw_fd(&self) -> RawFd {
        self.near().as_raw()
    }
}

impl<F: HostTable> AsRawFd for BorrowedFd<'_, F> {
    fn as_raw_fd(&self) -> RawFd {
        self.near().as_raw()
    }
}

impl<F: HostTable> IntoRawFd for Fd<F> {
    fn into_raw_fd(self) -> RawFd {
        self.into_near().as_raw()
    }
}

impl<'fd> From<fd::BorrowedFd<'fd>> for BorrowedFd<'fd, HostFds> {
    fn from(fd: fd::BorrowedFd<'fd>) -> Self {
        // SAFETY: (1); std promises that it is open for `'fd`.
        unsafe { BorrowedFd::from_near(host_slot(&fd)) }
    }
}

impl<'fd, F: HostTable> From<BorrowedFd<'fd, F>> for fd::BorrowedFd<'fd> {
    fn from(fd: BorrowedFd<'fd, F>) -> Self {
        // SAFETY: (1), (2); somebody keeps it open for `'fd`.
        unsafe { fd::BorrowedFd::borrow_raw(fd.near().as_raw()) }
    }
}

macro_rules! host_fds {
    ($($fd:ty),+ $(,)?) => {$(
        impl Sealed for $fd {}

        impl AsFd<HostFds> for $fd {
            #[inline]
            fn near_fd(&self) -> near::Fd<HostFds> {
                host_slot(self)
            }
            #[inline]
            fn table(&self) -> Whose<'_, FdTable<HostFds>> {
                Whose::AsItsTypeSays
            }
        }

        impl AsFd<Dynamic> for $fd {
            #[inline]
            fn near_fd(&self) -> near::Fd<Dynamic> {
                host_slot(self).rebranded()
            }
            #[inline]
            fn table(&self) -> Whose<'_, FdTable<Dynamic>> {
                Whose::Of(const { &FdTable::of_host() })
            }
        }
    )+};
}

with_std_owners! { host_fds }
with_std_streams! { host_fds }
host_fds! { OwnedFd, fd::BorrowedFd<'_>, ChildProcess, Child }

macro_rules! host_directories {
    ($($fd:ty),+ $(,)?) => {$(
        impl AsDirFd<HostFds> for $fd {
            fn dirfd(&self) -> c_int {
                self.as_raw_fd()
            }
            fn table(&self) -> Whose<'_, FdTable<HostFds>> {
                Whose::AsItsTypeSays
            }
        }

        impl AsDirFd<Dynamic> for $fd {
            fn dirfd(&self) -> c_int {
                self.as_raw_fd()
            }
            fn table(&self) -> Whose<'_, FdTable<Dynamic>> {
                AsFd::table(self)
            }
        }
    )+};
}

host_directories! { OwnedFd, fd::BorrowedFd<'_>, std::fs::File }
