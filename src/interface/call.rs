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
    DUP3 SYS_dup3 "dup3"
    EPOLL_CREATE1 SYS_epoll_create1 "epoll_create1"
    EPOLL_CTL SYS_epoll_ctl "epoll_ctl"
    EPOLL_PWAIT2 SYS_epoll_pwait2 "epoll_pwait2"
    EVENTFD2 SYS_eventfd2 "eventfd"
    EXECVE SYS_execve "execve"
    EXIT_GROUP SYS_exit_group "exit_group"
    FACCESSAT2 SYS_faccessat2 "faccessat2"
    FCHDIR SYS_fchdir "fchdir"
    FCNTL SYS_fcntl "fcntl"
    FSTAT SYS_fstat "fstat"
    GETPGID SYS_getpgid "getpgid"
    GETPID SYS_getpid "getpid"
    GETPPID SYS_getppid "getppid"
    GETPRIORITY SYS_getpriority "getpriority"
    GETSID SYS_getsid "getsid"
    INOTIFY_ADD_WATCH SYS_inotify_add_watch "inotify_add_watch"
    INOTIFY_INIT1 SYS_inotify_init1 "inotify_init1"
    INOTIFY_RM_WATCH SYS_inotify_rm_watch "inotify_rm_watch"
    IOCTL SYS_ioctl "ioctl"
    KILL SYS_kill "kill"
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
    RT_SIGACTION SYS_rt_sigaction "sigaction"
    RT_SIGPROCMASK SYS_rt_sigprocmask "sigprocmask"
    SECCOMP SYS_seccomp "seccomp"
    SETGROUPS SYS_setgroups "setgroups"
    SETNS SYS_setns "setns"
    SETPGID SYS_setpgid "setpgid"
    SETPRIORITY SYS_setpriority "setpriority"
    SETRESGID SYS_setresgid "setresgid"
    SETRESUID SYS_setresuid "setresuid"
    SETSID SYS_setsid "setsid"
    SIGNALFD4 SYS_signalfd4 "signalfd"
    TIMERFD_CREATE SYS_timerfd_create "timerfd_create"
    TIMERFD_GETTIME SYS_timerfd_gettime "timerfd_gettime"
    TIMERFD_SETTIME SYS_timerfd_settime "timerfd_settime"
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
