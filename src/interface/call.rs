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
    ACCEPT4 SYS_accept4 "accept4"
    BIND SYS_bind "bind"
    CHDIR SYS_chdir "chdir"
    CHROOT SYS_chroot "chroot"
    CLONE SYS_clone "clone"
    CLONE3 SYS_clone3 "clone3"
    CLOSE SYS_close "close"
    CLOSE_RANGE SYS_close_range "close_range"
    CONNECT SYS_connect "connect"
    DUP3 SYS_dup3 "dup3"
    EXECVE SYS_execve "execve"
    EXIT_GROUP SYS_exit_group "exit_group"
    FACCESSAT2 SYS_faccessat2 "faccessat2"
    FCHDIR SYS_fchdir "fchdir"
    FCNTL SYS_fcntl "fcntl"
    FSTAT SYS_fstat "fstat"
    GETPEERNAME SYS_getpeername "getpeername"
    GETPGID SYS_getpgid "getpgid"
    GETPID SYS_getpid "getpid"
    GETPPID SYS_getppid "getppid"
    GETPRIORITY SYS_getpriority "getpriority"
    GETSID SYS_getsid "getsid"
    GETSOCKNAME SYS_getsockname "getsockname"
    GETSOCKOPT SYS_getsockopt "getsockopt"
    IOCTL SYS_ioctl "ioctl"
    KILL SYS_kill "kill"
    LISTEN SYS_listen "listen"
    LSEEK SYS_lseek "lseek"
    MMAP SYS_mmap "mmap"
    NEWFSTATAT SYS_newfstatat "fstatat"
    OPENAT SYS_openat "openat"
    PIDFD_GETFD SYS_pidfd_getfd "pidfd_getfd"
    PIDFD_OPEN SYS_pidfd_open "pidfd_open"
    PIDFD_SEND_SIGNAL SYS_pidfd_send_signal "pidfd_send_signal"
    PIPE2 SYS_pipe2 "pipe2"
    PPOLL SYS_ppoll "ppoll"
    PRCTL SYS_prctl "prctl"
    PREAD SYS_pread64 "pread"
    PRLIMIT SYS_prlimit64 "prlimit"
    PWRITE SYS_pwrite64 "pwrite"
    READ SYS_read "read"
    RECVFROM SYS_recvfrom "recvfrom"
    RECVMSG SYS_recvmsg "recvmsg"
    RT_SIGACTION SYS_rt_sigaction "sigaction"
    RT_SIGPROCMASK SYS_rt_sigprocmask "sigprocmask"
    SECCOMP SYS_seccomp "seccomp"
    SENDMSG SYS_sendmsg "sendmsg"
    SENDTO SYS_sendto "sendto"
    SETGROUPS SYS_setgroups "setgroups"
    SETNS SYS_setns "setns"
    SETPGID SYS_setpgid "setpgid"
    SETPRIORITY SYS_setpriority "setpriority"
    SETRESGID SYS_setresgid "setresgid"
    SETRESUID SYS_setresuid "setresuid"
    SETSID SYS_setsid "setsid"
    SETSOCKOPT SYS_setsockopt "setsockopt"
    SHUTDOWN SYS_shutdown "shutdown"
    SOCKET SYS_socket "socket"
    SOCKETPAIR SYS_socketpair "socketpair"
    UMASK SYS_umask "umask"
    WAITID SYS_waitid "waitid"
    WRITE SYS_write "write"
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
