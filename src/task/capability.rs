//! Capabilities.
//!
//! # Safety
//!
//! 1. What the kernel reads and writes is lent to it for the call, in the layout of version 3.
//! 2. No call gives the task a permitted capability that it has not: so the kernel leaves the dumpable
//!    flag of its memory and its death signal alone.
#![expect(unsafe_code, reason = "syscalls")]

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::far;
use crate::interface::{Batched, Call, Error, SyscallInterface};

use super::arguments::{call, with_in_out};

/// Calls on the capabilities of the task itself.
///
/// On a driven task they act on that process. On the calling thread they act on **that thread alone**:
/// a program that is to be without a capability has to drop it before it has other threads. What the
/// task spawns from then on has what the task has.
///
/// A driven child that has dropped its capabilities still shares this program's memory, and so is not
/// confined before it has become a program. Others with as few could look into it: so, if this program has
/// `CAP_SYS_PTRACE`, and is root or has `CAP_DAC_OVERRIDE`, its memory is undumpable for as long as such a child is
/// there. Until then it dumps no core, and is debugged only with privileges.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait CapabilityTask: far::Task {
    /// `capget()`—the task's effective, permitted and inheritable capabilities.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// assert_eq!(child.capget()?, here.capget()?);
    ///
    /// let mut fewer = child.capget()?;
    /// fewer.effective.remove(CapabilitySet::SYS_ADMIN);
    /// fewer.permitted.remove(CapabilitySet::SYS_ADMIN);
    /// child.capset(fewer)?;
    /// assert!(child.unshare(Namespaces::NET).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`capget(2)`](https://man7.org/linux/man-pages/man2/capget.2.html),
    /// [`capabilities(7)`](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    #[doc(alias = "capabilities")]
    fn capget(&self) -> Result<CapabilitySets, Error> {
        let zeroes = [0; 6];
        let [_, _, words @ ..] = exchange(self, Call::CAPGET, zeroes)?;
        let set = |low: usize| {
            let bits = u64::from(words[low]) | u64::from(words[low + 3]) << 32;
            CapabilitySet::from_bits_retain(bits)
        };
        Ok(CapabilitySets { effective: set(0), permitted: set(1), inheritable: set(2) })
    }

    /// `capset(sets)`—sets all three.
    ///
    /// The permitted ones can only become fewer. Each bit is one capability, also one that is newer
    /// than this library; the kernel leaves out what it does not know.
    ///
    /// # Errors
    ///
    /// Of `capset`: `EPERM` for permitted capabilities that the task has not, for effective ones that
    /// are not permitted, and for inheritable ones that it must not add.
    ///
    /// # References
    ///
    /// [`capset(2)`](https://man7.org/linux/man-pages/man2/capget.2.html)
    #[doc(alias = "set_capabilities")]
    fn capset(&self, sets: CapabilitySets) -> Result<(), Error> {
        let sets = [sets.effective, sets.permitted, sets.inheritable].map(|set| set.bits());
        let [low, high] = [0, 32].map(|half| sets.map(|bits| (bits >> half) as u32));
        let words = [low[0], low[1], low[2], high[0], high[1], high[2]];
        exchange(self, Call::CAPSET, words).map(drop)
    }

    /// `prctl(PR_CAPBSET_READ, capability)`—whether a program can get it through a file that has it.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless it is exactly one capability, which the kernel knows.
    ///
    /// # References
    ///
    /// [`PR_CAPBSET_READ(2const)`](https://man7.org/linux/man-pages/man2/PR_CAPBSET_READ.2const.html)
    #[doc(alias = "PR_CAPBSET_READ")]
    #[doc(alias = "bounding_set")]
    fn prctl_capbset_read(&self, capability: CapabilitySet) -> Result<bool, Error> {
        prctl(self, [libc::PR_CAPBSET_READ as usize, number(capability)?, 0]).map(|is| is != 0)
    }

    /// `prctl(PR_CAPBSET_DROP, capability)`—takes it out of the bounding set for good, so that no
    /// program that the task becomes or starts can get it through a file.
    ///
    /// What the task itself has it keeps: see [`capset`](Self::capset).
    ///
    /// # Errors
    ///
    /// Of `prctl`: `EPERM` without `CAP_SETPCAP`; `EINVAL` unless it is exactly one capability, which
    /// the kernel knows.
    ///
    /// # References
    ///
    /// [`PR_CAPBSET_DROP(2const)`](https://man7.org/linux/man-pages/man2/PR_CAPBSET_DROP.2const.html)
    #[doc(alias = "PR_CAPBSET_DROP")]
    #[doc(alias = "bounding_set")]
    fn prctl_capbset_drop(&self, capability: CapabilitySet) -> Result<(), Error> {
        prctl(self, [libc::PR_CAPBSET_DROP as usize, number(capability)?, 0]).map(drop)
    }

    /// `prctl(PR_CAPBSET_DROP, capability)`, of several—takes each of them that the kernel knows out of the
    /// bounding set for good. Of a driven task, that is one round trip.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER)?;
    /// child.drop_capabilities_from_bounding_set(CapabilitySet::all())?;
    /// assert!(!child.prctl_capbset_read(CapabilitySet::SYS_ADMIN)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `prctl`: `EPERM` without `CAP_SETPCAP`; others may have been taken out then.
    ///
    /// # References
    ///
    /// [`PR_CAPBSET_DROP(2const)`](https://man7.org/linux/man-pages/man2/PR_CAPBSET_DROP.2const.html)
    #[doc(alias = "PR_CAPBSET_DROP")]
    fn drop_capabilities_from_bounding_set(&self, set: CapabilitySet) -> Result<(), Error> {
        let numbers = (0..u64::BITS).filter(|number| set.bits() & 1 << number != 0);
        let mut drops: Vec<_> = numbers
            .map(|number| Batched {
                call: Call::PRCTL,
                arguments: [libc::PR_CAPBSET_DROP as usize, number as usize, 0, 0, 0, 0],
                answer: Ok(0),
            })
            .collect();
        // SAFETY: (2); numbers only.
        unsafe { self.interface().syscalls(&mut drops) };
        let failed = drops.iter().filter_map(|dropped| dropped.answer.err());
        let mut failed = failed.filter(|error| error.errno() != Some(Errno::INVAL));
        failed.next().map_or(Ok(()), Err)
    }

    /// `prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability)`—whether a program that the task
    /// becomes has it, without a file that gives it.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless it is exactly one capability, which the kernel knows.
    ///
    /// # References
    ///
    /// [`PR_CAP_AMBIENT(2const)`](https://man7.org/linux/man-pages/man2/PR_CAP_AMBIENT.2const.html)
    #[doc(alias = "PR_CAP_AMBIENT_IS_SET")]
    fn prctl_cap_ambient_is_set(&self, capability: CapabilitySet) -> Result<bool, Error> {
        ambient(self, libc::PR_CAP_AMBIENT_IS_SET, number(capability)?).map(|is| is != 0)
    }

    /// `prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)`—adds it to the ambient set: programs get
    /// it whose files give them no capabilities.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let mut sets = child.capget()?;
    /// sets.inheritable |= CapabilitySet::NET_BIND_SERVICE;
    /// child.capset(sets)?;
    /// child.prctl_cap_ambient_raise(CapabilitySet::NET_BIND_SERVICE)?;
    /// let server = child.program(&Program::new("server")).exec()?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `prctl`: `EPERM` unless it is both permitted and inheritable, and with the
    /// secure bit `NO_CAP_AMBIENT_RAISE`; `EINVAL` unless it is exactly
    /// one capability, which the kernel knows.
    ///
    /// # References
    ///
    /// [`PR_CAP_AMBIENT(2const)`](https://man7.org/linux/man-pages/man2/PR_CAP_AMBIENT.2const.html)
    #[doc(alias = "PR_CAP_AMBIENT_RAISE")]
    fn prctl_cap_ambient_raise(&self, capability: CapabilitySet) -> Result<(), Error> {
        ambient(self, libc::PR_CAP_AMBIENT_RAISE, number(capability)?).map(drop)
    }

    /// `prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, capability)`—takes it out of the
    /// ambient set.
    ///
    /// # Errors
    ///
    /// `EINVAL` unless it is exactly one capability, which the kernel knows.
    ///
    /// # References
    ///
    /// [`PR_CAP_AMBIENT(2const)`](https://man7.org/linux/man-pages/man2/PR_CAP_AMBIENT.2const.html)
    #[doc(alias = "PR_CAP_AMBIENT_LOWER")]
    fn prctl_cap_ambient_lower(&self, capability: CapabilitySet) -> Result<(), Error> {
        ambient(self, libc::PR_CAP_AMBIENT_LOWER, number(capability)?).map(drop)
    }

    /// `prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)`—lowers all of them.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_CAP_AMBIENT(2const)`](https://man7.org/linux/man-pages/man2/PR_CAP_AMBIENT.2const.html)
    #[doc(alias = "PR_CAP_AMBIENT_CLEAR_ALL")]
    fn prctl_cap_ambient_clear_all(&self) -> Result<(), Error> {
        ambient(self, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0).map(drop)
    }
}

impl<K: far::Task + ?Sized> CapabilityTask for K {}

/// `_LINUX_CAPABILITY_VERSION_3`.
pub(super) const VERSION: u32 = 0x2008_0522;

/// Has the task itself get or set its three sets. `words` are two `__user_cap_data_struct`, for the
/// lower and the upper 32 capabilities; before them, the answer has the header.
fn exchange<K: far::Task + ?Sized>(
    task: &K,
    name: Call,
    words: [u32; 6],
) -> Result<[u32; 8], Error> {
    let [a, b, c, d, e, f] = words;
    let header_and_words = [VERSION, 0, a, b, c, d, e, f];
    with_in_out(task, header_and_words, |address| {
        let words = address + size_of::<[u32; 2]>();
        // SAFETY: (1), (2)
        unsafe { call(task, name, [address, words]) }
    })
}

/// The number of a single capability.
fn number(capability: CapabilitySet) -> Result<usize, Error> {
    let bits = capability.bits();
    if bits.is_power_of_two() {
        Ok(bits.trailing_zeros() as usize)
    } else {
        Err(Error::os(Call::PRCTL, Errno::INVAL))
    }
}

fn ambient<K: far::Task + ?Sized>(
    task: &K,
    operation: i32,
    capability: usize,
) -> Result<usize, Error> {
    prctl(task, [libc::PR_CAP_AMBIENT as usize, operation as usize, capability])
}

/// An operation of this room, whose arguments are numbers.
fn prctl<K: far::Task + ?Sized>(task: &K, arguments: [usize; 3]) -> Result<usize, Error> {
    let [operation, first, second] = arguments;
    // SAFETY: (2); no pointer.
    unsafe { call(task, Call::PRCTL, [operation, first, second, 0, 0]) }
}
