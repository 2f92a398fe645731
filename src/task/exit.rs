use rustix::io::Errno;

use crate::brand::Namespace;
use crate::far;
use crate::handle::Exit;
use crate::interface::{Call, Error, ErrorKind, Ring, SyscallInterface};

use super::Task;

/// Ending a task from inside.
pub trait ExitTask: far::Task + Sized {
    /// `exit_group(status)`—ends the task, and reaps it.
    ///
    /// Only the low 8 bits of `status` are kept. Unlike dropping the task this waits for its end,
    /// and tells how it ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotSent`](crate::ErrorKind::NotSent) if the task was dead already; then dropping
    /// it is all that is left to do, and has been done.
    ///
    /// # References
    ///
    /// [`exit_group(2)`](https://man7.org/linux/man-pages/man2/exit_group.2.html)
    fn exit(self, status: i32) -> Result<Exit, Error>;
}

impl<F: Namespace, A: Namespace, P: Namespace, C: Namespace> ExitTask for Task<F, A, P, Ring, C> {
    #[expect(unsafe_code, reason = "a syscall")]
    fn exit(self, status: i32) -> Result<Exit, Error> {
        // SAFETY: ends the child only, which is not driven after this.
        match unsafe { self.interface.syscall(Call::EXIT_GROUP, [status as usize]) } {
            Err(error) if error.kind() == ErrorKind::Hangup => self.interface.reap(),
            Err(error) => Err(error),
            // Only a filter that makes calls up has it return.
            Ok(_) => Err(Error::os(Call::EXIT_GROUP, Errno::NOSYS)),
        }
    }
}
