use std::fmt;

/// A syscall, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call(u16);

macro_rules! calls {
    ($($constant:ident $number:ident $name:literal)+) => {
        impl Call {
            $(
                #[doc = concat!("`", $name, "`")]
                pub const $constant: Call = Call(libc::$number as u16);
            )+

            /// The name of its man page.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Call::$constant => $name,)+
                    _ => "syscall",
                }
            }
        }
    };
}

calls! {
    CHDIR SYS_chdir "chdir"
    CHROOT SYS_chroot "chroot"
    CLONE SYS_clone "clone"
    CLONE3 SYS_clone3 "clone3"
    CLOSE SYS_close "close"
    CLOSE_RANGE SYS_close_range "close_range"
    COPY_FILE_RANGE SYS_copy_file_range "copy_file_range"
    DUP3 SYS_dup3 "dup3"
    EXECVE SYS_execve "execve"
    EXIT_GROUP SYS_exit_group "exit_group"
    FACCESSAT2 SYS_faccessat2 "faccessat2"
    FALLOCATE SYS_fallocate "fallocate"
    FCHDIR SYS_fchdir "fchdir"
    FCHMOD SYS_fchmod "fchmod"
    FCHMODAT SYS_fchmodat "fchmodat"
    FCHMODAT2 SYS_fchmodat2 "fchmodat"
    FCHOWN SYS_fchown "fchown"
    FCHOWNAT SYS_fchownat "fchownat"
    FCNTL SYS_fcntl "fcntl"
    FDATASYNC SYS_fdatasync "fdatasync"
    FGETXATTR SYS_fgetxattr "fgetxattr"
    FLISTXATTR SYS_flistxattr "flistxattr"
    FLOCK SYS_flock "flock"
    FREMOVEXATTR SYS_fremovexattr "fremovexattr"
    FSETXATTR SYS_fsetxattr "fsetxattr"
    FSTAT SYS_fstat "fstat"
    FSTATFS SYS_fstatfs "fstatfs"
    FSYNC SYS_fsync "fsync"
    FTRUNCATE SYS_ftruncate "ftruncate"
    GETDENTS64 SYS_getdents64 "getdents64"
    GETPGID SYS_getpgid "getpgid"
    GETPID SYS_getpid "getpid"
    GETPPID SYS_getppid "getppid"
    GETPRIORITY SYS_getpriority "getpriority"
    GETSID SYS_getsid "getsid"
    IOCTL SYS_ioctl "ioctl"
    KILL SYS_kill "kill"
    LINKAT SYS_linkat "linkat"
    LSEEK SYS_lseek "lseek"
    MEMFD_CREATE SYS_memfd_create "memfd_create"
    MKDIRAT SYS_mkdirat "mkdirat"
    MKNODAT SYS_mknodat "mknodat"
    MMAP SYS_mmap "mmap"
    NEWFSTATAT SYS_newfstatat "fstatat"
    OPENAT SYS_openat "openat"
    OPENAT2 SYS_openat2 "openat2"
    PIDFD_GETFD SYS_pidfd_getfd "pidfd_getfd"
    PIDFD_OPEN SYS_pidfd_open "pidfd_open"
    PIDFD_SEND_SIGNAL SYS_pidfd_send_signal "pidfd_send_signal"
    PIPE2 SYS_pipe2 "pipe2"
    PPOLL SYS_ppoll "ppoll"
    PRCTL SYS_prctl "prctl"
    PREAD SYS_pread64 "pread"
    PREADV2 SYS_preadv2 "preadv2"
    PRLIMIT SYS_prlimit64 "prlimit"
    PWRITE SYS_pwrite64 "pwrite"
    PWRITEV2 SYS_pwritev2 "pwritev2"
    READ SYS_read "read"
    READLINKAT SYS_readlinkat "readlinkat"
    READV SYS_readv "readv"
    RENAMEAT2 SYS_renameat2 "renameat2"
    RT_SIGACTION SYS_rt_sigaction "sigaction"
    RT_SIGPROCMASK SYS_rt_sigprocmask "sigprocmask"
    SECCOMP SYS_seccomp "seccomp"
    SENDFILE SYS_sendfile "sendfile"
    SETGROUPS SYS_setgroups "setgroups"
    SETNS SYS_setns "setns"
    SETPGID SYS_setpgid "setpgid"
    SETPRIORITY SYS_setpriority "setpriority"
    SETRESGID SYS_setresgid "setresgid"
    SETRESUID SYS_setresuid "setresuid"
    SETSID SYS_setsid "setsid"
    SPLICE SYS_splice "splice"
    STATFS SYS_statfs "statfs"
    STATX SYS_statx "statx"
    SYMLINKAT SYS_symlinkat "symlinkat"
    TEE SYS_tee "tee"
    TRUNCATE SYS_truncate "truncate"
    UMASK SYS_umask "umask"
    UNLINKAT SYS_unlinkat "unlinkat"
    UTIMENSAT SYS_utimensat "utimensat"
    WAITID SYS_waitid "waitid"
    WRITE SYS_write "write"
    WRITEV SYS_writev "writev"
}

impl Call {
    #[inline]
    pub(super) const fn from_number(number: u16) -> Self {
        Call(number)
    }

    /// The number the kernel knows it by.
    #[inline]
    #[must_use]
    pub const fn number(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({}, {})", self.name(), self.0)
    }
}
