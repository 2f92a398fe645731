//! Another pid namespace for a task's children.
//!
//! # Safety
//!
//! 1. The task itself stays in its pid namespace. The brand of its children's is new, or its task is
//!    given back.
//! 2. An fd in a call is of the task's own table and stays open for the call.
#![expect(unsafe_code, reason = "changes a brand of the task")]

use std::sync::Arc;

use crate::brand::{Brand, Guard, Label};
use crate::far::{self, Joined, PidNamespace};
use crate::handle::AsFd;
use crate::interface::{Call, Error, Residents};

use super::DrivenTask;
use super::arguments::{call, near};
use super::driven::transition::Token;

/// Having a task's children in another pid namespace than its own.
///
/// A task never leaves its own pid namespace: these calls decide where its *next children* go. So a
/// task has two, and both are in its type.
pub trait UnsharePidTask: far::Task + Sized {
    /// `unshare(CLONE_NEWPID)`—has the task's children in a new pid namespace, named by `guard`.
    ///
    /// The first one is its init. What [`spawn_with_pids`](super::SpawnTask::spawn_with_pids) says
    /// about programs in the namespace holds here, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER)?;
    /// brand!(inner_pids);
    /// let child = child.unshare_pid(inner_pids)?;
    /// let init = child.spawn()?;
    /// let second = child.spawn()?;
    /// assert_eq!(second.getpid()?.as_raw(), 2);
    /// init.pidfd_open(second.pid())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `unshare`: `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` if the children already go to another
    /// namespace, `ENOSPC` at the limit of nested ones. [`NotSent`](crate::ErrorKind::NotSent) if the task
    /// was dead before, [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile. The task is dropped with
    /// the error; [`try_unshare_pid`](Self::try_unshare_pid) gives it back.
    ///
    /// # References
    ///
    /// [`unshare(2)`](https://man7.org/linux/man-pages/man2/unshare.2.html),
    /// [`pid_namespaces(7)`](https://man7.org/linux/man-pages/man7/pid_namespaces.7.html)
    #[doc(alias = "unshare")]
    #[doc(alias = "CLONE_NEWPID")]
    fn unshare_pid<'id, L: Label>(
        self,
        guard: Guard<'id, L>,
    ) -> Result<Self::WithChildPids<Brand<'id, L>>, Error>
    where
        Self: DrivenTask,
    {
        Ok(self.try_unshare_pid(guard)?)
    }

    /// `unshare(CLONE_NEWPID)`—[`unshare_pid`](Self::unshare_pid), which on failure gives back the task and the guard.
    ///
    /// The error holds the guard, so `?` cannot take it out of the guard's block, into a `Box<dyn Error>` of
    /// the caller's: the compiler says E0515 there. Match it, or convert it into an [`Error`] first, which
    /// drops what it gives back.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let child = Task::here().spawn()?;
    /// child.unshare(Namespaces::USER)?;
    /// brand!(inner_pids);
    /// let child = child.try_unshare_pid(inner_pids).map_err(nearfar::Error::from)?;
    /// assert_eq!(child.spawn()?.getpid()?.as_raw(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `unshare_pid`.
    ///
    /// # References
    ///
    /// [`unshare(2)`](https://man7.org/linux/man-pages/man2/unshare.2.html)
    fn try_unshare_pid<'id, L: Label>(
        self,
        guard: Guard<'id, L>,
    ) -> Result<Self::WithChildPids<Brand<'id, L>>, PidNamespaceUnchanged<Self, Guard<'id, L>>>
    where
        Self: DrivenTask,
    {
        // SAFETY: (1)
        match unsafe { call(&self, Call::UNSHARE, [libc::CLONE_NEWPID as usize]) } {
            Ok(_) => {
                let residents = Residents::none(self.pid_namespace().residents());
                Ok(self.with_child_pids(PidNamespace::of(residents), Token(())))
            }
            Err(error) => Err(PidNamespaceUnchanged { error, task: self, guard }),
        }
    }

    /// `setns(fd, CLONE_NEWPID)`—has the task's children in a pid namespace that is there already: one
    /// that is inside of its own, or its own again.
    ///
    /// Checked: `fd` is of this task's fd table. It is an open file of `/proc/PID/ns`, or a pidfd. The
    /// namespace gets a brand of its own by this, also if it has one already.
    ///
    /// A driven child shares this program's memory, also when it is there. While one is, the memory is
    /// made undumpable, so that the namespace's programs can look into it only with `CAP_SYS_PTRACE` in
    /// this program's user namespace. None becomes a program while a task is driven there that came with the
    /// namespace ([`MemoryExposed`](crate::ErrorKind::MemoryExposed)).
    ///
    /// # Errors
    ///
    /// Of `setns`: `EINVAL` if `fd` is of another kind, or the namespace is not inside of the task's own;
    /// `EPERM` without `CAP_SYS_ADMIN` here and there. [`NotSent`](crate::ErrorKind::NotSent) if the task was
    /// dead before, [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile. The task is dropped with the
    /// error; [`try_setns_pid`](Self::try_setns_pid) gives it back.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html)
    #[doc(alias = "setns")]
    fn setns_pid<'id, L: Label>(
        self,
        guard: Guard<'id, L>,
        fd: impl AsFd<Self::FdTable>,
    ) -> Result<Self::WithChildPids<Brand<'id, L>>, Error>
    where
        Self: DrivenTask,
    {
        Ok(self.try_setns_pid(guard, fd)?)
    }

    /// `setns(fd, CLONE_NEWPID)`—[`setns_pid`](Self::setns_pid), which on failure gives back the task and the guard.
    ///
    /// Checked: `fd` is of this task's fd table. For the error the same holds as for that of
    /// [`try_unshare_pid`](Self::try_unshare_pid).
    ///
    /// # Errors
    ///
    /// As `setns_pid`.
    ///
    /// # References
    ///
    /// [`setns(2)`](https://man7.org/linux/man-pages/man2/setns.2.html)
    fn try_setns_pid<'id, L: Label>(
        mut self,
        guard: Guard<'id, L>,
        fd: impl AsFd<Self::FdTable>,
    ) -> Result<Self::WithChildPids<Brand<'id, L>>, PidNamespaceUnchanged<Self, Guard<'id, L>>>
    where
        Self: DrivenTask,
    {
        let joined = near(&self, Call::SETNS, &fd).and_then(|fd| {
            // SAFETY: (1), (2)
            unsafe { call(&self, Call::SETNS, [fd, libc::CLONE_NEWPID as usize]) }
        });
        match joined {
            Ok(_) => {
                let process = Arc::clone(self.ring(Token(())).process());
                let own = self.pid_namespace();
                // The brand is new, and so is the identity.
                let joined = match Joined::by(&process, own) {
                    Joined::Back(namespace) => namespace,
                    Joined::Known(known, theirs) => {
                        PidNamespace::of_others(own, Some(theirs), Some(&known))
                    }
                    Joined::Unknown(theirs) => PidNamespace::of_others(own, theirs, None),
                };
                Ok(self.with_child_pids(joined, Token(())))
            }
            Err(error) => Err(PidNamespaceUnchanged { error, task: self, guard }),
        }
    }
}

impl<K: far::Task> UnsharePidTask for K {}

/// A transition to another pid namespace that did not happen.
#[non_exhaustive]
pub struct PidNamespaceUnchanged<K, G> {
    /// Why.
    pub error: Error,
    /// The task: as it was, or dead, if that is why.
    pub task: K,
    /// The guard, unused.
    pub guard: G,
}

undone! { PidNamespaceUnchanged<K, G> Error }
