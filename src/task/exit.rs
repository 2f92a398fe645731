//! Ending.
//!
//! # Safety
//!
//! 1. The call ends the child only. The task is taken by value, so nothing drives it after this.
#![expect(unsafe_code, reason = "a syscall")]

use rustix::io::Errno;

use crate::far;
use crate::handle::Exit;
use crate::interface::{Call, Error, ErrorKind};

use super::DrivenTask;
use super::arguments::call;
use super::driven::transition::Token;

/// Ending a task from inside.
pub trait ExitTask: far::Task + Sized {
    /// `exit_group(status)`—ends the task, and reaps it.
    ///
    /// Only the low 8 bits of `status` are kept. Dropping the task tells nothing, and waits for 200 ms at most; this
    /// waits for as long as it takes, and tells how it ended. If it is the init of a pid namespace, everything else in
    /// there ends with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let exit = child.exit(3)?;
    /// assert_eq!(exit.code(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotSent`](crate::ErrorKind::NotSent) if the task was dead already: it has been dropped.
    /// [`StatusLost`](crate::ErrorKind::StatusLost) if another part of the program has waited for it. `ENOSYS` if a
    /// filter makes the call's answer up.
    ///
    /// # References
    ///
    /// [`exit_group(2)`](https://man7.org/linux/man-pages/man2/exit_group.2.html)
    fn exit(self, status: i32) -> Result<Exit, Error>
    where
        Self: DrivenTask,
    {
        // SAFETY: (1)
        match unsafe { call(&self, Call::EXIT_GROUP, [status as usize]) } {
            Err(error) if error.kind() == ErrorKind::Hangup => self.into_ring(Token(())).reap(),
            Err(error) => Err(error),
            // Only a filter that makes calls up has it return.
            Ok(_) => Err(Error::os(Call::EXIT_GROUP, Errno::NOSYS)),
        }
    }
}

impl<K: far::Task> ExitTask for K {}
