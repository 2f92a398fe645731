//! What a task says of itself.
//!
//! # Safety
//!
//! 1. Every address in a call is lent, for as many bytes as the kernel reads or writes there; it keeps
//!    none of them after the call.
//! 2. What an operation changes is the thread's or the process's that makes the call, never the address
//!    space's: that is shared with this program. The death signal, by which a driven task ends with
//!    this program, is not touched.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::{CStr, CString, c_int};
use std::num::NonZeroU64;

use rustix::io::Errno;
use rustix::path;
use rustix::process::DumpableBehavior;
use rustix::thread::CapabilitiesSecureBits;

use crate::far;
use crate::interface::{Call, Error};

use super::arguments::{call, known, with_out, with_path};

/// Calls on what a task says of itself, one method for each operation of `prctl`.
///
/// On a driven task they are about that task alone, except for [`prctl_get_dumpable`](Self::prctl_get_dumpable). On the
/// calling thread it depends on the operation, and is said there.
///
/// Missing on purpose: operations that change the address space, which a driven task shares with this
/// program (`PR_SET_DUMPABLE`, `PR_SET_THP_DISABLE`, `PR_SET_MDWE`, `PR_SET_MM` and the like), and the
/// death signal, by which a driven task ends with this program.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait PrctlTask: far::Task {
    /// `prctl(PR_SET_NAME, name)`—sets the name that `ps` and `/proc` show.
    ///
    /// Of a longer name only the first 15 bytes are taken. On the calling thread it is the name of that
    /// thread. A program gets the name of its file when it starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.prctl_set_name("the child")?;
    /// assert_eq!(child.prctl_get_name()?.as_c_str(), c"the child");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InteriorNul`](crate::ErrorKind::InteriorNul); none of the kernel's.
    ///
    /// # References
    ///
    /// [`PR_SET_NAME(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_NAME.2const.html)
    #[doc(alias = "PR_SET_NAME")]
    fn prctl_set_name(&self, name: impl path::Arg) -> Result<(), Error> {
        with_path(self, Call::PRCTL, name, |name| {
            // SAFETY: (1), up to the NUL byte; (2)
            unsafe { prctl(self, libc::PR_SET_NAME, name) }.map(drop)
        })
    }

    /// `prctl(PR_GET_NAME, name)`—the name that `ps` and `/proc` show; on the calling thread, its own.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_GET_NAME(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_NAME.2const.html)
    #[doc(alias = "PR_GET_NAME")]
    fn prctl_get_name(&self) -> Result<CString, Error> {
        let name: [u8; 16] = with_out(self, |address| {
            // SAFETY: (1): a name is at most 16 bytes, with its NUL byte.
            unsafe { prctl(self, libc::PR_GET_NAME, address) }
        })?;
        Ok(CStr::from_bytes_until_nul(&name).expect("the kernel ends names with NUL").to_owned())
    }

    /// `prctl(PR_SET_NO_NEW_PRIVS, 1)`—gives up, for good, that an `execve` can give privileges: by
    /// set-user-id files or file capabilities.
    ///
    /// It cannot be taken back, and children spawned afterwards have it too. On the calling thread it is
    /// about that thread alone, and not the others of this process.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.prctl_set_no_new_privs()?;
    /// assert!(child.prctl_get_no_new_privs()?);
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
    /// [`PR_SET_NO_NEW_PRIVS(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html)
    #[doc(alias = "PR_SET_NO_NEW_PRIVS")]
    fn prctl_set_no_new_privs(&self) -> Result<(), Error> {
        // SAFETY: (2); a number.
        unsafe { prctl(self, libc::PR_SET_NO_NEW_PRIVS, 1) }.map(drop)
    }

    /// `prctl(PR_GET_SECUREBITS)`—how the kernel treats the user 0 in the task.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`capabilities(7)`](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    #[doc(alias = "PR_GET_SECUREBITS")]
    fn prctl_get_securebits(&self) -> Result<CapabilitiesSecureBits, Error> {
        // SAFETY: (2); no argument.
        let bits = unsafe { prctl(self, libc::PR_GET_SECUREBITS, 0) }?;
        Ok(CapabilitiesSecureBits::from_bits_retain(bits as u32))
    }

    /// `prctl(PR_SET_SECUREBITS, bits)`—says how the kernel treats the user 0 in the task: whether it gets
    /// capabilities by an exec, and loses them when it becomes somebody else.
    ///
    /// [`KEEP_CAPS`](CapabilitiesSecureBits::KEEP_CAPS) is what [`prctl_set_keepcaps`](Self::prctl_set_keepcaps) sets,
    /// and does not outlive an exec. Bits that are locked cannot be changed back. On the calling thread this is that
    /// thread's alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER)?;
    /// child.prctl_set_securebits(CapabilitiesSecureBits::NO_ROOT)?;
    /// assert_eq!(child.prctl_get_securebits()?, CapabilitiesSecureBits::NO_ROOT);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `prctl`: `EPERM` without `CAP_SETPCAP`, or for a bit that is locked;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for bits that this library does not know.
    ///
    /// # References
    ///
    /// [`PR_SET_SECUREBITS(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_SECUREBITS.2const.html),
    /// [`capabilities(7)`](https://man7.org/linux/man-pages/man7/capabilities.7.html)
    #[doc(alias = "PR_SET_SECUREBITS")]
    fn prctl_set_securebits(&self, bits: CapabilitiesSecureBits) -> Result<(), Error> {
        let bits = known(Call::PRCTL, bits.bits(), KNOWN_SECUREBITS.bits())?;
        // SAFETY: (2); a number.
        unsafe { prctl(self, libc::PR_SET_SECUREBITS, bits) }.map(drop)
    }

    /// `prctl(PR_SET_KEEPCAPS, whether)`—says whether the task keeps its permitted capabilities when none
    /// of its user ids is 0 any more.
    ///
    /// It is [`KEEP_CAPS`](CapabilitiesSecureBits::KEEP_CAPS) of [securebits](Self::prctl_get_securebits), and needs
    /// no privilege. It ends with the next exec; on the calling thread it is that thread's alone. A driven
    /// task changes its user ids only as one of the last steps of an exec, which ends it. For the program to
    /// have capabilities as another user, set
    /// [`NO_SETUID_FIXUP`](CapabilitiesSecureBits::NO_SETUID_FIXUP) and
    /// [raise ambient ones](super::CapabilityTask::prctl_cap_ambient_raise).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.prctl_set_keepcaps(true)?;
    /// assert!(child.prctl_get_keepcaps()?);
    /// assert!(child.prctl_get_securebits()?.contains(CapabilitiesSecureBits::KEEP_CAPS));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `prctl`: `EPERM` if [`KEEP_CAPS_LOCKED`](CapabilitiesSecureBits::KEEP_CAPS_LOCKED) is set.
    ///
    /// # References
    ///
    /// [`PR_SET_KEEPCAPS(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_KEEPCAPS.2const.html)
    #[doc(alias = "PR_SET_KEEPCAPS")]
    #[doc(alias = "keep_caps")]
    fn prctl_set_keepcaps(&self, whether: bool) -> Result<(), Error> {
        // SAFETY: (2); a number.
        unsafe { prctl(self, libc::PR_SET_KEEPCAPS, usize::from(whether)) }.map(drop)
    }

    /// `prctl(PR_GET_KEEPCAPS)`—whether the task keeps its permitted capabilities when none of its user
    /// ids is 0 any more.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_GET_KEEPCAPS(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_KEEPCAPS.2const.html)
    #[doc(alias = "PR_GET_KEEPCAPS")]
    fn prctl_get_keepcaps(&self) -> Result<bool, Error> {
        // SAFETY: changes nothing.
        Ok(unsafe { prctl(self, libc::PR_GET_KEEPCAPS, 0) }? != 0)
    }

    /// `prctl(PR_GET_NO_NEW_PRIVS)`—whether an `execve` can give no privileges.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_GET_NO_NEW_PRIVS(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html)
    #[doc(alias = "PR_GET_NO_NEW_PRIVS")]
    fn prctl_get_no_new_privs(&self) -> Result<bool, Error> {
        // SAFETY: changes nothing.
        Ok(unsafe { prctl(self, libc::PR_GET_NO_NEW_PRIVS, 0) }? != 0)
    }

    /// `prctl(PR_SET_CHILD_SUBREAPER, whether)`—sets whether descendants whose parent has ended become this
    /// process's children, as they become init's otherwise.
    ///
    /// It belongs to the process: on the calling thread, to this whole program. A program keeps it;
    /// children do not have it. A driven task has no children, unless it is the init of a pid namespace, as
    /// those that it spawns are this process's: it is for the program that the task becomes.
    ///
    /// Whoever has adopted a process has to reap it. Nothing in this library does that: it waits for its
    /// own children only.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_SET_CHILD_SUBREAPER(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html)
    #[doc(alias = "PR_SET_CHILD_SUBREAPER")]
    fn prctl_set_child_subreaper(&self, whether: bool) -> Result<(), Error> {
        // SAFETY: (2); a number.
        unsafe { prctl(self, libc::PR_SET_CHILD_SUBREAPER, usize::from(whether)) }.map(drop)
    }

    /// `prctl(PR_GET_CHILD_SUBREAPER, whether)`—whether orphaned descendants become this process's
    /// children.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_GET_CHILD_SUBREAPER(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html)
    #[doc(alias = "PR_GET_CHILD_SUBREAPER")]
    fn prctl_get_child_subreaper(&self) -> Result<bool, Error> {
        let whether: c_int = with_out(self, |address| {
            // SAFETY: (1): an `int`.
            unsafe { prctl(self, libc::PR_GET_CHILD_SUBREAPER, address) }
        })?;
        Ok(whether != 0)
    }

    /// `prctl(PR_GET_DUMPABLE)`—whether the address space may be dumped and traced.
    ///
    /// It belongs to the address space: a driven task has the same as this program, also if one of
    /// the two changes it, unless it has a copy of the memory. So there is no method that sets it.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an answer that this library does not know; that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_GET_DUMPABLE(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html)
    #[doc(alias = "PR_GET_DUMPABLE")]
    fn prctl_get_dumpable(&self) -> Result<DumpableBehavior, Error> {
        // SAFETY: changes nothing.
        let answer = unsafe { prctl(self, libc::PR_GET_DUMPABLE, 0) }?;
        (answer as c_int).try_into().map_err(|errno| Error::os(Call::PRCTL, errno))
    }

    /// `prctl(PR_SET_TIMERSLACK, nanoseconds)`—sets by how much timers may be late, so that several can
    /// expire together; `None` is what the task started with.
    ///
    /// On the calling thread it is that thread's. Children spawned afterwards start with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::NonZeroU64;
    ///
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let millisecond = NonZeroU64::new(1_000_000);
    /// child.prctl_set_timerslack(millisecond)?;
    /// assert_eq!(child.prctl_get_timerslack()?, 1_000_000);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `EINVAL` for a day or more, of this library: the kernel would take it, but could not say the
    /// largest of them when it is asked. The kernel itself ignores the call in a real-time thread.
    ///
    /// # References
    ///
    /// [`PR_SET_TIMERSLACK(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_TIMERSLACK.2const.html)
    #[doc(alias = "PR_SET_TIMERSLACK")]
    #[doc(alias = "timer_slack")]
    fn prctl_set_timerslack(&self, nanoseconds: Option<NonZeroU64>) -> Result<(), Error> {
        const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;
        let nanoseconds = nanoseconds.map_or(0, NonZeroU64::get);
        if nanoseconds >= DAY {
            return Err(Error::os(Call::PRCTL, Errno::INVAL));
        }
        // SAFETY: (2); a number.
        unsafe { prctl(self, libc::PR_SET_TIMERSLACK, nanoseconds as usize) }.map(drop)
    }

    /// `prctl(PR_GET_TIMERSLACK)`—by how many nanoseconds timers may be late.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`PR_GET_TIMERSLACK(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_TIMERSLACK.2const.html)
    #[doc(alias = "PR_GET_TIMERSLACK")]
    fn prctl_get_timerslack(&self) -> Result<u64, Error> {
        // SAFETY: changes nothing.
        Ok(unsafe { prctl(self, libc::PR_GET_TIMERSLACK, 0) }? as u64)
    }
}

impl<K: far::Task + ?Sized> PrctlTask for K {}

const KNOWN_SECUREBITS: CapabilitiesSecureBits = CapabilitiesSecureBits::NO_ROOT
    .union(CapabilitiesSecureBits::NO_ROOT_LOCKED)
    .union(CapabilitiesSecureBits::NO_SETUID_FIXUP)
    .union(CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED)
    .union(CapabilitiesSecureBits::KEEP_CAPS)
    .union(CapabilitiesSecureBits::KEEP_CAPS_LOCKED)
    .union(CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE)
    .union(CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED);

/// Has `task` do an operation that has one argument; the others have to be 0.
///
/// # Safety
///
/// The argument is one that `operation` takes, room (1), and the operation is one that may be done
/// in a driven task, room (2).
unsafe fn prctl<K: far::Task + ?Sized>(
    task: &K,
    operation: c_int,
    argument: usize,
) -> Result<usize, Error> {
    // SAFETY: by this function's contract.
    unsafe { call(task, Call::PRCTL, [operation as usize, argument, 0, 0, 0]) }
}
