use rustix::io::Errno;

use crate::interface::{Call, Error};
use crate::seccomp::SeccompFilter;

use super::DrivenTask;
use super::driven::transition::Token;

/// How many filters a task installs at most: they go to it in one go, with the exec.
const MOST: usize = 32;

/// Filters for the syscalls of the program that a task becomes.
pub trait SeccompTask: DrivenTask {
    /// `seccomp(SECCOMP_SET_MODE_FILTER, filter)`, by the exec—filters the syscalls of the program
    /// that the task becomes.
    ///
    /// Not earlier, as the filter could forbid what a driven task is made of: it is installed just
    /// before `execve`, which is the one call of the task that it has to allow, with everything that
    /// the program itself does. Several filters are installed in this order; all of them apply. A
    /// child that the task [spawns](super::SpawnTask) does not have them.
    ///
    /// The kernel wants [`no_new_privs`], or `CAP_SYS_ADMIN`, which the program's
    /// [`uid`](super::Exec::uid) may have taken away by then.
    ///
    /// A program without a slash in its name is looked for before the filter is installed: the first
    /// file in `PATH` that the task may execute is the one.
    ///
    /// [`no_new_privs`]: https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::{SeccompFilter, libc};
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let allow_everything = SeccompFilter::new([libc::sock_filter {
    ///     code: (libc::BPF_RET | libc::BPF_K) as u16,
    ///     jt: 0,
    ///     jf: 0,
    ///     k: libc::SECCOMP_RET_ALLOW,
    /// }])?;
    /// let child = Task::here().spawn()?;
    /// child.prctl_set_no_new_privs()?;
    /// child.seccomp_on_exec(&allow_everything)?;
    /// assert!(child.program(&Program::new("true")).exec()?.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `ENOMEM`, if there are more than 32. The kernel's come from the exec: `EACCES`, `EINVAL`.
    ///
    /// # References
    ///
    /// [`seccomp(2)`](https://man7.org/linux/man-pages/man2/seccomp.2.html)
    fn seccomp_on_exec(&self, filter: &SeccompFilter) -> Result<(), Error> {
        let driver = self.driver(Token(()));
        let mut filters = driver.filters();
        if filters.len() == MOST {
            return Err(Error::os(Call::SECCOMP, Errno::NOMEM));
        }
        filters.push(filter.clone());
        driver.set_filters(filters);
        Ok(())
    }
}

impl<K: DrivenTask> SeccompTask for K {}
