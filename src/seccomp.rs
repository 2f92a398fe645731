use std::fmt;
use std::mem::offset_of;
use std::sync::Arc;

use rustix::io::Errno;

use crate::interface::{Call, Error};

/// A filter for a program's syscalls: instructions of classic BPF, as [`seccomp(2)`] describes them.
///
/// It is made by a library for that, or by hand. What `seccompiler` compiles, and what `libseccomp` exports, has the
/// same fields, which [`from_parts`](Self::from_parts) takes. A task installs it [when it becomes the
/// program](crate::task::SeccompTask::seccomp_on_exec).
///
/// # Examples
///
/// By hand:
///
/// ```
/// use std::mem::offset_of;
///
/// use nearfar::libc::{
///     self, BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, seccomp_data, sock_filter,
/// };
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// // Of `linux/audit.h` and `asm/unistd.h`.
/// const AUDIT_ARCH_X86_64: u32 = 0xc000_003e;
/// const X32_SYSCALL_BIT: u32 = 0x4000_0000;
/// let (number, architecture) = (offset_of!(seccomp_data, nr), offset_of!(seccomp_data, arch));
///
/// let instruction = |code, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
/// let load = |offset| instruction(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset as u32);
/// let answer = |action| instruction(BPF_RET | BPF_K, 0, 0, action);
/// // Refuses `uname`, and allows everything else. In other architectures, calls have other numbers: nobody may use
/// // them to get past it.
/// let no_uname = SeccompFilter::new([
///     load(architecture),
///     instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, AUDIT_ARCH_X86_64),
///     load(number),
///     instruction(BPF_JMP | BPF_JGE | BPF_K, 2, 0, X32_SYSCALL_BIT),
///     instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, libc::SYS_uname as u32),
///     answer(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
///     answer(libc::SECCOMP_RET_KILL_PROCESS),
///     answer(libc::SECCOMP_RET_ALLOW),
/// ])?;
/// let child = Task::here().spawn()?;
/// child.prctl_set_no_new_privs()?;
/// child.seccomp_on_exec(&no_uname)?;
/// let uname = Program::new("sh").args(["-c", "uname 2>/dev/null || exit 3"]);
/// assert_eq!(child.program(&uname).exec()?.wait()?.code(), Some(3));
/// # Ok(())
/// # }
/// ```
///
/// # References
///
/// [`seccomp(2)`],
/// [`PR_SET_NO_NEW_PRIVS(2const)`](https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html)
///
/// [`seccomp(2)`]: https://man7.org/linux/man-pages/man2/seccomp.2.html
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SeccompFilter {
    /// Each as the kernel takes it, `struct sock_filter`.
    instructions: Arc<[u64]>,
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
        let instructions: Arc<[_]> = instructions.into_iter().map(as_number).collect();
        if instructions.is_empty() || instructions.len() > LONGEST {
            return Err(Error::os(Call::SECCOMP, Errno::INVAL));
        }
        Ok(SeccompFilter { instructions })
    }

    /// A filter of these instructions, each as its `code`, `jt`, `jf` and `k`.
    ///
    /// For the types that other crates and other versions of `libc` have for a `struct sock_filter`.
    ///
    /// # Examples
    ///
    /// A filter of `seccompiler`, whose builder has the same name:
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::libc;
    /// use seccompiler::{BpfProgram, SeccompAction, TargetArch};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let program: BpfProgram = seccompiler::SeccompFilter::new(
    ///     [(libc::SYS_uname, vec![])].into(),
    ///     SeccompAction::Allow,
    ///     SeccompAction::Errno(libc::EPERM as u32),
    ///     TargetArch::x86_64,
    /// )?
    /// .try_into()?;
    /// let parts = program.iter().map(|it| (it.code, it.jt, it.jf, it.k));
    /// let no_uname = SeccompFilter::from_parts(parts)?;
    ///
    /// let child = Task::here().spawn()?;
    /// child.prctl_set_no_new_privs()?;
    /// child.seccomp_on_exec(&no_uname)?;
    /// let uname = Program::new("sh").args(["-c", "uname 2>/dev/null || exit 3"]);
    /// assert_eq!(child.program(&uname).exec()?.wait()?.code(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_parts(
        instructions: impl IntoIterator<Item = (u16, u8, u8, u32)>,
    ) -> Result<Self, Error> {
        let instruction = |(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k };
        Self::new(instructions.into_iter().map(instruction))
    }

    /// How many instructions it has: the first member of the kernel's `struct sock_fprog`.
    pub(crate) fn length(&self) -> usize {
        self.instructions.len()
    }

    /// What the second member points to.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.instructions)
    }
}

/// An instruction as it is in memory.
fn as_number(instruction: libc::sock_filter) -> u64 {
    let libc::sock_filter { code, jt, jf, k } = instruction;
    u64::from(code) | u64::from(jt) << 16 | u64::from(jf) << 24 | u64::from(k) << 32
}

const _: () = {
    assert!(offset_of!(libc::sock_filter, jt) == 2);
    assert!(offset_of!(libc::sock_filter, jf) == 3);
    assert!(offset_of!(libc::sock_filter, k) == 4);
    assert!(offset_of!(libc::sock_fprog, filter) == size_of::<usize>());
};

impl fmt::Debug for SeccompFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeccompFilter({} instructions)", self.instructions.len())
    }
}
