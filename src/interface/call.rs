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
    CAPGET SYS_capget "capget"
    CAPSET SYS_capset "capset"
    CHDIR SYS_chdir "chdir"
    CHROOT SYS_chroot "chroot"
    CLONE SYS_clone "clone"
    CLONE3 SYS_clone3 "clone3"
    CLOSE SYS_close "close"
    CLOSE_RANGE SYS_close_range "close_range"
    CONNECT SYS_connect "connect"
    COPY_FILE_RANGE SYS_copy_file_range "copy_file_range"
    DUP3 SYS_dup3 "dup3"
    EPOLL_CREATE1 SYS_epoll_create1 "epoll_create1"
    EPOLL_CTL SYS_epoll_ctl "epoll_ctl"
    EPOLL_PWAIT2 SYS_epoll_pwait2 "epoll_pwait2"
    EVENTFD2 SYS_eventfd2 "eventfd"
    EXECVE SYS_execve "execve"
    EXECVEAT SYS_execveat "execveat"
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
    FSCONFIG SYS_fsconfig "fsconfig"
    FSETXATTR SYS_fsetxattr "fsetxattr"
    FSMOUNT SYS_fsmount "fsmount"
    FSOPEN SYS_fsopen "fsopen"
    FSPICK SYS_fspick "fspick"
    FSTAT SYS_fstat "fstat"
    FSTATFS SYS_fstatfs "fstatfs"
    FSYNC SYS_fsync "fsync"
    FTRUNCATE SYS_ftruncate "ftruncate"
    FUTEX SYS_futex "futex"
    FUTEX_WAITV SYS_futex_waitv "futex_waitv"
    GETDENTS64 SYS_getdents64 "getdents64"
    GETEUID SYS_geteuid "geteuid"
    GETGROUPS SYS_getgroups "getgroups"
    GETPEERNAME SYS_getpeername "getpeername"
    GETPGID SYS_getpgid "getpgid"
    GETPID SYS_getpid "getpid"
    GETPPID SYS_getppid "getppid"
    GETPRIORITY SYS_getpriority "getpriority"
    GETRESGID SYS_getresgid "getresgid"
    GETRESUID SYS_getresuid "getresuid"
    GETRUSAGE SYS_getrusage "getrusage"
    GETSID SYS_getsid "getsid"
    GETSOCKNAME SYS_getsockname "getsockname"
    GETSOCKOPT SYS_getsockopt "getsockopt"
    GETTID SYS_gettid "gettid"
    GETUID SYS_getuid "getuid"
    GET_ROBUST_LIST SYS_get_robust_list "get_robust_list"
    INOTIFY_ADD_WATCH SYS_inotify_add_watch "inotify_add_watch"
    INOTIFY_INIT1 SYS_inotify_init1 "inotify_init1"
    INOTIFY_RM_WATCH SYS_inotify_rm_watch "inotify_rm_watch"
    IOCTL SYS_ioctl "ioctl"
    KCMP SYS_kcmp "kcmp"
    KILL SYS_kill "kill"
    LINKAT SYS_linkat "linkat"
    LISTEN SYS_listen "listen"
    LSEEK SYS_lseek "lseek"
    MADVISE SYS_madvise "madvise"
    MEMFD_CREATE SYS_memfd_create "memfd_create"
    MKDIRAT SYS_mkdirat "mkdirat"
    MKNODAT SYS_mknodat "mknodat"
    MLOCK SYS_mlock "mlock"
    MMAP SYS_mmap "mmap"
    MOUNT SYS_mount "mount"
    MOUNT_SETATTR SYS_mount_setattr "mount_setattr"
    MOVE_MOUNT SYS_move_mount "move_mount"
    MPROTECT SYS_mprotect "mprotect"
    MREMAP SYS_mremap "mremap"
    MSYNC SYS_msync "msync"
    MUNLOCK SYS_munlock "munlock"
    MUNMAP SYS_munmap "munmap"
    NEWFSTATAT SYS_newfstatat "fstatat"
    OPENAT SYS_openat "openat"
    OPENAT2 SYS_openat2 "openat2"
    OPEN_TREE SYS_open_tree "open_tree"
    PIDFD_GETFD SYS_pidfd_getfd "pidfd_getfd"
    PIDFD_OPEN SYS_pidfd_open "pidfd_open"
    PIDFD_SEND_SIGNAL SYS_pidfd_send_signal "pidfd_send_signal"
    PIPE2 SYS_pipe2 "pipe2"
    PIVOT_ROOT SYS_pivot_root "pivot_root"
    PPOLL SYS_ppoll "ppoll"
    PRCTL SYS_prctl "prctl"
    PREAD SYS_pread64 "pread"
    PREADV2 SYS_preadv2 "preadv2"
    PRLIMIT SYS_prlimit64 "prlimit"
    PROCESS_VM_READV SYS_process_vm_readv "process_vm_readv"
    PROCESS_VM_WRITEV SYS_process_vm_writev "process_vm_writev"
    PWRITE SYS_pwrite64 "pwrite"
    PWRITEV2 SYS_pwritev2 "pwritev2"
    READ SYS_read "read"
    READLINKAT SYS_readlinkat "readlinkat"
    READV SYS_readv "readv"
    RECVFROM SYS_recvfrom "recvfrom"
    RECVMSG SYS_recvmsg "recvmsg"
    RENAMEAT2 SYS_renameat2 "renameat2"
    RT_SIGACTION SYS_rt_sigaction "sigaction"
    RT_SIGPENDING SYS_rt_sigpending "sigpending"
    RT_SIGPROCMASK SYS_rt_sigprocmask "sigprocmask"
    RT_SIGQUEUEINFO SYS_rt_sigqueueinfo "rt_sigqueueinfo"
    SCHED_GETAFFINITY SYS_sched_getaffinity "sched_getaffinity"
    SCHED_GETATTR SYS_sched_getattr "sched_getattr"
    SCHED_SETAFFINITY SYS_sched_setaffinity "sched_setaffinity"
    SCHED_SETATTR SYS_sched_setattr "sched_setattr"
    SECCOMP SYS_seccomp "seccomp"
    SENDFILE SYS_sendfile "sendfile"
    SENDMSG SYS_sendmsg "sendmsg"
    SENDTO SYS_sendto "sendto"
    SETDOMAINNAME SYS_setdomainname "setdomainname"
    SETGROUPS SYS_setgroups "setgroups"
    SETHOSTNAME SYS_sethostname "sethostname"
    SETNS SYS_setns "setns"
    SETPGID SYS_setpgid "setpgid"
    SETPRIORITY SYS_setpriority "setpriority"
    SETRESGID SYS_setresgid "setresgid"
    SETRESUID SYS_setresuid "setresuid"
    SETSID SYS_setsid "setsid"
    SETSOCKOPT SYS_setsockopt "setsockopt"
    SET_ROBUST_LIST SYS_set_robust_list "set_robust_list"
    SHUTDOWN SYS_shutdown "shutdown"
    SIGNALFD4 SYS_signalfd4 "signalfd"
    SOCKET SYS_socket "socket"
    SOCKETPAIR SYS_socketpair "socketpair"
    SPLICE SYS_splice "splice"
    STATFS SYS_statfs "statfs"
    STATX SYS_statx "statx"
    SYMLINKAT SYS_symlinkat "symlinkat"
    TEE SYS_tee "tee"
    TGKILL SYS_tgkill "tgkill"
    TIMERFD_CREATE SYS_timerfd_create "timerfd_create"
    TIMERFD_GETTIME SYS_timerfd_gettime "timerfd_gettime"
    TIMERFD_SETTIME SYS_timerfd_settime "timerfd_settime"
    TRUNCATE SYS_truncate "truncate"
    UMASK SYS_umask "umask"
    UMOUNT2 SYS_umount2 "umount2"
    UNAME SYS_uname "uname"
    UNLINKAT SYS_unlinkat "unlinkat"
    UNSHARE SYS_unshare "unshare"
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
