use std::fmt;
use std::sync::Arc;

use rustix::io::Errno;

use crate::interface::{Call, Error};

/// A filter for a program's syscalls: instructions of classic BPF, as [`seccomp(2)`] describes them.
///
/// It is made by hand or by a library for that: `seccompiler`'s programs and what `libseccomp`
/// exports have the same fields. A task installs it
/// [when it becomes the program](crate::Task::seccomp_on_exec).
///
/// [`seccomp(2)`]: https://man7.org/linux/man-pages/man2/seccomp.2.html
#[derive(Clone)]
pub struct SeccompFilter {
    instructions: Arc<[libc::sock_filter]>,
}

/// `BPF_MAXINSNS` of `linux/bpf_common.h`.
const LONGEST: usize = 4096;

impl SeccompFilter {
    /// A filter of these instructions.
    ///
    /// # Errors
    ///
    /// `EINVAL` of `seccomp`, if there are none or more than 4096. Whether they make sense is looked
    /// at by the kernel, when the filter is installed.
    pub fn new(instructions: impl IntoIterator<Item = libc::sock_filter>) -> Result<Self, Error> {
        let instructions: Arc<[_]> = instructions.into_iter().collect();
        if instructions.is_empty() || instructions.len() > LONGEST {
            return Err(Error::os(Call::SECCOMP, Errno::INVAL));
        }
        Ok(SeccompFilter { instructions })
    }

    /// How the kernel takes it. It points into the filter.
    pub(crate) fn program(&self) -> libc::sock_fprog {
        // The kernel only reads it.
        let filter = self.instructions.as_ptr().cast_mut();
        libc::sock_fprog { len: self.instructions.len() as u16, filter }
    }
}

impl fmt::Debug for SeccompFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeccompFilter({} instructions)", self.instructions.len())
    }
}
