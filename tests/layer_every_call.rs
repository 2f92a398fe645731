//! Nothing gets past a layer: each call is refused by who refuses everything.

#![allow(unsafe_code, reason = "requests that the library does not know are unsafe")]

mod common;

use std::ffi::c_int;
use std::io::{self, Read, Seek, Write};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use common::calls::{Row, calls};
use common::deadline;
use nearfar::interface::Call;
use nearfar::near::{PageSize, Pgid};
use nearfar::prelude::*;
use nearfar::rustix::thread::CapabilitySets;
use nearfar::task::{
    CpuSet, FutexScope, FutexWaiter, Lock, LockKind, Node, Policy, Request, Sharing, SigmaskChange,
    UsageOf,
};
use nearfar::{Error, IdMap, SignalSet};

/// What a layer does not have, as it changes the task itself, and a trait that sends nothing to it.
const NOTHING_TO_SEE: [&str; 12] = [
    "DrivenTask",
    "ExecTask",
    "ExitTask",
    "LayerTask",
    "RobustListTask",
    "SeccompTask",
    "SpawnTask",
    "Task",
    "TimeNamespaceTask",
    "UnshareFilesTask",
    "UnsharePidTask",
    "VerifyTask",
];

/// These are for driven tasks, and do not compile for a layer.
const FOR_DRIVEN_TASKS: [&str; 2] = ["set_sigaction", "setgroups"];

const REFUSAL: Errno = Errno::XFULL;

struct Nothing;

// SAFETY: an integer that nobody is ever asked for.
unsafe impl Request for Nothing {
    const NUMBER: u32 = 0;
    type Argument = c_int;
    type Output = ();

    fn into_argument(self) -> c_int {
        0
    }

    fn output(_returned: c_int, _argument: c_int) {}
}

fn is_refused<T>(what: &str, answer: Result<T, Error>) {
    match answer {
        Err(error) => assert_eq!(error.errno(), Some(REFUSAL), "{what}: {error}"),
        Ok(_) => panic!("{what} got past the layer"),
    }
}

/// What std's traits return.
fn inside(error: io::Error) -> Error {
    Error::from_io_error(&error).expect("it is one of this library's")
}

macro_rules! refused {
    ($task:ident: $($call:expr;)+) => {$(is_refused(stringify!($call), $call);)+};
}

fn refuses_everything<K>(task: &K)
where
    K: far::Task<FdTable = HostFds, AddressSpace = HostMemory, PidNamespace = HostPids>,
{
    let refuse = |_: Call, _: &[usize]| Err(REFUSAL);
    let t = task.layer(&refuse);
    let open = |path, flags| task.openat(Cwd, path, flags, Mode::empty()).unwrap();
    let (file, proc) = (open("/dev/null", OFlags::RDWR), open("/proc", OFlags::DIRECTORY));
    let copy = || task.dup(&file).unwrap();
    let (context, mount) = (FsContext::from(copy()), MountFd::from(copy()));
    let terminal = open("/dev/ptmx", OFlags::RDWR | OFlags::NOCTTY);
    let (attributes, size) =
        { (task.ioctl_tcgets(&terminal).unwrap(), task.ioctl_tiocgwinsz(&terminal).unwrap()) };
    let (family, stream, none) = (AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty());
    let (socket, _other) = task.socketpair(family, stream, None, none).unwrap();
    let address = || SocketAddrUnix::new_unnamed();
    let epoll = task.epoll_create1().unwrap();
    brand!(root_watches, no_watches);
    let inotify = task.inotify_init1(root_watches, inotify::CreateFlags::empty()).unwrap();
    let watch = task.inotify_add_watch(&inotify, "/", inotify::WatchFlags::CREATE).unwrap();
    let child = Task::here().spawn().unwrap();
    let (pid, tid) = (child.pid(), child.gettid().unwrap());
    let group = Pgid::asserted(pid.as_raw()).unwrap();
    let word = AtomicU32::new(0);
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let mapping = || task.mmap_anonymous(4096, access).unwrap();
    let mut pages = mapping();
    let regular = task.memfd_create("regular", MemfdFlags::empty()).unwrap();
    let (private, all) = (FutexScope::Private, NonZeroU32::MAX);
    let no_capability = || CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    let lock = Lock { kind: LockKind::Shared, start: 0, length: 0 };
    let (at, resolve) = (AtFlags::empty(), ResolveFlags::empty());
    let time = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    let timer = Itimerspec { it_interval: time, it_value: time };
    let no_limit = Rlimit { current: None, maximum: None };
    let (now, second) = (Some(Duration::ZERO), Some(Duration::from_secs(1)));
    let attr = MountAttr::default();
    let mode = Mode::empty();
    let mut bytes = [0; 64];

    refused! { t:
        t.capget(); t.capset(no_capability());
        t.prctl_capbset_read(CapabilitySet::CHOWN);
        t.prctl_capbset_drop(CapabilitySet::CHOWN);
        t.drop_capabilities_from_bounding_set(CapabilitySet::CHOWN);
        t.prctl_cap_ambient_is_set(CapabilitySet::CHOWN);
        t.prctl_cap_ambient_raise(CapabilitySet::CHOWN);
        t.prctl_cap_ambient_lower(CapabilitySet::CHOWN); t.prctl_cap_ambient_clear_all();
        t.getresuid(); t.getresgid(); t.getgroups();
        t.write_uid_map(&child, &[IdMap::own_uid_as(0)]);
        t.write_gid_map(&child, &[IdMap::own_gid_as(0)]); t.deny_setgroups(&child);
        t.openat2(Cwd, "/", OFlags::PATH, mode, resolve); t.mkdirat(&proc, "x", mode);
        t.mknodat(&proc, "x", Node::Fifo, mode); t.unlinkat(&proc, "x", at);
        t.linkat(&proc, "x", &proc, "y", at); t.symlinkat("x", &proc, "y");
        t.readlinkat(&proc, "self"); t.renameat2(&proc, "x", &proc, "y", RenameFlags::empty());
        t.getdents64(&proc).next().unwrap();
        t.epoll_create1(); t.epoll_ctl_add(&epoll, &socket, 1, epoll::EventFlags::IN);
        t.epoll_ctl_mod(&epoll, &socket, 1, epoll::EventFlags::IN);
        t.epoll_ctl_del(&epoll, &socket);
        t.epoll_pwait2(&epoll, &mut [EpollEvent::default()], now);
        t.io(&file).read(&mut [0]).map_err(inside); t.io(&file).write(b"x").map_err(inside);
        t.io(&file).rewind().map_err(inside);
        t.eventfd(0, EventfdFlags::empty()); t.eventfd_read(&file); t.eventfd_write(&file, 1);
        t.timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::empty());
        t.timerfd_settime(&file, TimerfdTimerFlags::empty(), &timer); t.timerfd_gettime(&file);
        t.timerfd_read(&file); t.signalfd(SignalSet::empty(), OFlags::empty());
        t.signalfd_set(&file, SignalSet::empty()); t.signalfd_read(&file);
        t.openat(Cwd, "/", OFlags::PATH, mode); t.read(&file, &mut bytes); t.write(&file, &bytes);
        t.pread(&file, &mut bytes, 0); t.pwrite(&file, &bytes, 0);
        t.lseek(&file, SeekFrom::Start(0)); t.close(copy()); t.dup(&file);
        t.dup_onto(&file, copy()); t.dup_at(&file, 100); t.pipe2(PipeFlags::empty());
        t.fstat(&file); t.fcntl_dupfd_cloexec(&file, 3); t.fcntl_getfd(&file);
        t.fcntl_setfd(&file, FdFlags::CLOEXEC); t.fcntl_getfl(&file);
        t.fcntl_setfl(&file, OFlags::empty()); t.fcntl_getpipe_size(&file);
        t.fcntl_setpipe_size(&file, 4096); t.fcntl_get_seals(&file);
        t.fcntl_add_seals(&file, SealFlags::SEAL); t.fcntl_ofd_setlk(&file, lock);
        t.fcntl_ofd_setlkw(&file, lock); t.fcntl_ofd_getlk(&file, lock);
        t.fcntl_dupfd_query(&file, &file);
        t.close_range_cloexec(3, u32::MAX);
        // SAFETY: nothing is closed.
        unsafe { t.close_range(u32::MAX, u32::MAX) };
        t.chdir("/"); t.fchdir(&proc); t.chroot("/"); t.umask(Mode::RWXO);
        t.fsopen("tmpfs"); t.fspick(Cwd, "/", FsPickFlags::empty());
        t.fsconfig_set_flag(&context, "ro"); t.fsconfig_set_string(&context, "size", "1m");
        t.fsconfig_set_fd(&context, "fd", &file); t.fsconfig_create(&context); t.fsopen_with_fds("fuse", &[], &[("fd", &file)]);
        t.fsconfig_create_exclusive(&context); t.fsconfig_reconfigure(&context);
        t.fsmount(&context, MountAttrFlags::empty()); t.fs_messages(&context);
        t.futex_wait(&word, 1, now, private); t.futex_wait_bitset(&word, 1, all, None, private);
        t.futex_waitv(&[FutexWaiter::new(&word, 1, private)], None);
        t.futex_wake(&word, 1, private); t.futex_wake_bitset(&word, 1, all, private);
        t.futex_requeue(&word, 1, &word, 1, private);
        t.futex_cmp_requeue(&word, 0, 1, &word, 1, private);
        t.inotify_init1(no_watches, inotify::CreateFlags::empty());
        t.inotify_add_watch(&inotify, "/", inotify::WatchFlags::CREATE);
        t.inotify_rm_watch(&inotify, watch); t.inotify_read(&inotify, &mut bytes);
        t.ioctl_fionread(&file); t.ioctl_fionbio(&file, false); t.ioctl_blkgetsize64(&file);
        t.ioctl_fs_ioc_getflags(&file); t.ioctl_ficlone(&file, &file);
        t.ioctl_ns_get_userns(&file); t.ioctl_ns_get_parent(&file);
        t.ioctl_ns_get_nstype(&file); t.ioctl_ns_get_owner_uid(&file);
        // SAFETY: none of these requests is made.
        unsafe { t.ioctl(&file, Nothing) };
        // SAFETY: as above.
        unsafe { t.ioctl_by_value(&file, 0, 0) };
        // SAFETY: as above.
        unsafe { t.ioctl_fd(&file, 0, 0) };
        t.faccessat2(Cwd, "/", Access::EXISTS, at); t.fchmodat(Cwd, "/", mode, at);
        t.fchmod(&file, mode); t.fchownat(Cwd, "/", None, None, at); t.fchown(&file, None, None);
        t.utimensat(Cwd, "/", &times, at); t.futimens(&file, &times);
        t.statx(Cwd, "/", at, StatxFlags::TYPE); t.fstatat(Cwd, "/", at); t.statfs("/");
        t.fstatfs(&file); t.fsetxattr(&file, "user.x", b"", XattrFlags::empty());
        t.fgetxattr(&file, "user.x"); t.flistxattr(&file); t.fremovexattr(&file, "user.x");
        t.mount("x", "/x", "tmpfs", MountFlags::empty(), None); t.mount_bind("/x", "/x");
        t.mount_bind_recursive("/x", "/x"); t.mount_change("/x", MountPropagationFlags::SHARED);
        t.mount_remount("/x", MountFlags::empty(), None);
        t.mount_remount_bind("/x", MountFlags::empty()); t.mount_move("/x", "/x");
        t.umount2("/x", UnmountFlags::empty()); t.pivot_root("/x", "/x");
        t.open_tree(Cwd, "/", OpenTreeFlags::empty());
        t.move_mount_fd(&mount, Cwd, "/x", MoveMountFlags::empty());
        t.move_mount(Cwd, "/x", Cwd, "/x", MoveMountFlags::empty());
        t.move_mount_set_group(Cwd, "/x", Cwd, "/x", MoveMountFlags::empty());
        t.mount_setattr(Cwd, "/x", at, attr); t.mount_setattr_idmap(Cwd, "/x", at, &file);
        t.device_is_up(&socket, "lo"); t.set_device_up(&socket, "lo", true);
        t.ppoll(&mut [PollFd::new(&file, PollFlags::IN)], now);
        t.prctl_set_name("x"); t.prctl_get_name(); t.prctl_set_no_new_privs(); t.prctl_get_securebits();
        t.prctl_set_securebits(CapabilitiesSecureBits::empty()); t.prctl_get_no_new_privs();
        t.prctl_set_child_subreaper(false); t.prctl_get_child_subreaper(); t.prctl_get_dumpable();
        t.prctl_set_timerslack(NonZeroU64::new(1)); t.prctl_get_timerslack();
        t.prctl_set_keepcaps(true); t.prctl_get_keepcaps();
        t.getpid(); t.getppid(); t.gettid(); t.getpgrp(); t.getpgid(pid); t.setpgid(group);
        t.setpgrp(); t.getsid_own(); t.getsid(pid); t.setsid(); t.pidfd_open(pid);
        t.pidfd_send_signal(&file, Signal::CONT); t.kill(pid, Signal::CONT);
        t.killpg(group, Signal::CONT); t.tgkill(pid, tid, Signal::CONT);
        t.pidfd_getfd(&child, &file);
        // SAFETY: no fd is taken.
        unsafe { t.pidfd_getfd_raw(&file, 3) };
        t.waitid(&file, WaitIdOptions::EXITED);
        t.getrlimit(Resource::Core); t.setrlimit(Resource::Core, no_limit);
        t.prlimit(Resource::Core, no_limit); t.getrusage(UsageOf::Thread); t.getpriority();
        t.setpriority(19);
        t.prlimit_of(&child, Resource::Core, None);
        t.unshare(Namespaces::UTS); t.setns(&file, Namespaces::UTS); t.setns_mount(&file); t.setns_net(&file); t.setns_uts(&file);
        t.setns_ipc(&file); t.setns_cgroup(&file); t.setns_user(&file);
        t.setns_time(&file);
        t.sched_setaffinity(&CpuSet::from_iter([0])); t.sched_getaffinity();
        t.sched_setattr(Policy::Idle); t.sched_getattr();
        t.sched_setaffinity_of(&child, &CpuSet::from_iter([0])); t.sched_getaffinity_of(&child);
        t.sched_setattr_of(&child, Policy::Idle); t.sched_getattr_of(&child);
        t.sigpending(); t.sigaction(Signal::USR1); t.rt_sigqueueinfo(pid, Signal::CONT, 0);
        t.pidfd_send_signal_value(&file, Signal::CONT, 0);
        t.send(&socket, b"x", SendFlags::empty());
        t.sendto(&socket, b"x", SendFlags::empty(), address());
        t.recv(&socket, &mut bytes, RecvFlags::DONTWAIT);
        t.recvfrom(&socket, &mut bytes, RecvFlags::DONTWAIT);
        t.sendmsg(&socket, None, &[b"x"], None::<&Fd<_>>, SendFlags::empty());
        t.recvmsg(&socket, &mut [&mut bytes], 0, RecvFlags::DONTWAIT);
        t.send_fds(&socket, [&file]); t.recv_fds::<1>(&socket);
        t.getsockopt_reuseaddr(&socket); t.setsockopt_reuseaddr(&socket, true);
        t.getsockopt_reuseport(&socket); t.setsockopt_reuseport(&socket, true);
        t.getsockopt_keepalive(&socket); t.setsockopt_keepalive(&socket, true);
        t.getsockopt_broadcast(&socket); t.setsockopt_broadcast(&socket, true);
        t.getsockopt_passcred(&socket); t.setsockopt_passcred(&socket, true);
        t.getsockopt_passpidfd(&socket); t.setsockopt_passpidfd(&socket, true);
        t.getsockopt_nodelay(&socket); t.setsockopt_nodelay(&socket, true);
        t.getsockopt_v6only(&socket); t.setsockopt_v6only(&socket, true);
        t.getsockopt_linger(&socket); t.setsockopt_linger(&socket, second);
        t.getsockopt_rcvbuf(&socket); t.setsockopt_rcvbuf(&socket, 4096);
        t.getsockopt_sndbuf(&socket); t.setsockopt_sndbuf(&socket, 4096);
        t.getsockopt_rcvtimeo(&socket); t.setsockopt_rcvtimeo(&socket, second);
        t.getsockopt_sndtimeo(&socket); t.setsockopt_sndtimeo(&socket, second);
        t.getsockopt_error(&socket); t.getsockopt_type(&socket); t.getsockopt_domain(&socket);
        t.getsockopt_protocol(&socket); t.getsockopt_acceptconn(&socket);
        t.getsockopt_ttl(&socket); t.setsockopt_ttl(&socket, 1);
        t.getsockopt_peercred(&socket); t.getsockopt_peerpidfd(&socket);
        t.socket(family, stream, None, none); t.socketpair(family, stream, None, none);
        t.bind(&socket, address()); t.listen(&socket, 1); t.accept4(&socket, none);
        t.connect(&socket, address()); t.shutdown(&socket, Shutdown::Both);
        t.getsockname(&socket); t.getpeername(&socket);
        t.truncate("/x", 0); t.ftruncate(&file, 0);
        t.fallocate(&file, FallocateFlags::empty(), 0, 1); t.fsync(&file); t.fdatasync(&file);
        t.flock(&file, FlockOperation::LockShared); t.memfd_create("x", MemfdFlags::empty());
        t.ioctl_tiocsctty(&terminal); t.ioctl_tiocnotty(&terminal); t.ioctl_tiocgsid(&terminal);
        t.ioctl_tiocgpgrp(&terminal); t.ioctl_tiocspgrp(&terminal, group);
        t.ioctl_tcgets(&terminal);
        t.ioctl_tcsets(&terminal, OptionalActions::Now, &attributes);
        t.ioctl_tiocgwinsz(&terminal); t.ioctl_tiocswinsz(&terminal, size);
        t.ioctl_tiocgptn(&terminal); t.ioctl_tiocsptlck(&terminal, false);
        t.ioctl_tiocgptpeer(&terminal, OFlags::RDWR);
        t.readv(&file, &mut [&mut bytes]); t.writev(&file, &[b"x"]);
        t.preadv2(&file, &mut [&mut bytes], None, ReadWriteFlags::empty());
        t.pwritev2(&file, &[b"x"], None, ReadWriteFlags::empty());
        t.copy_file_range(&file, None, &file, None, 1);
        t.splice(&file, None, &file, None, 1, SpliceFlags::empty());
        t.tee(&file, &file, 1, SpliceFlags::empty()); t.sendfile(&file, &file, None, 1);
        t.uname(); t.sethostname("x"); t.setdomainname("x");
        t.file(&file); t.mmap_anonymous(4096, access); t.mmap_hugetlb(1, access, PageSize::HUGE_2MIB);
        t.mmap_file(&regular, 0, 4096, access, Sharing::Private);
        t.munmap(mapping()).map_err(Error::from); t.mremap(mapping(), 1).map_err(Error::from);
        t.mprotect(&mut pages, access); t.madvise(&mut pages, Advice::Normal);
        t.msync(&pages, MsyncFlags::SYNC); t.mlock(&pages); t.munlock(&pages);
        // More than there is room for without a new mapping.
        t.malloc::<[u8; LARGE]>(); t.malloc_slice::<u8>(LARGE);
        t.ptr(&[0_u8; LARGE]); t.ptr_slice(&[0_u8; LARGE]);
    }
    let (mut first, mut second) = ([0; 8], [0; 8]);
    let mut batch = t.batch();
    batch.read(&file, &mut first);
    batch.pread(&file, &mut second, 0);
    batch.write(&file, b"x");
    batch.pwrite(&file, b"x", 0);
    batch.fsync(&file);
    batch.fdatasync(&file);
    let answers = batch.submit();
    assert_eq!(answers.len(), 6);
    answers.into_iter().for_each(|answer| is_refused("a batch", answer));
}

/// More bytes than an allocation shares pages with others for.
const LARGE: usize = 1 << 17;

#[test]
fn the_calling_thread_does_nothing() {
    deadline(|| {
        let here = Task::here();
        refuses_everything(&here);
        let refuse = |_: Call, _: &[usize]| Err(REFUSAL);
        let t = here.layer(&refuse);
        // Of a child, these are recorded, and no calls.
        refused! { t:
            t.sigprocmask(SigmaskChange::Block, SignalSet::empty()); t.sigmask();
            t.sigaction(Signal::PIPE);
        }
    });
}

#[test]
fn a_child_does_nothing() {
    deadline(|| refuses_everything(&Task::here().spawn().unwrap()));
}

/// Else the others would not say much.
#[test]
fn no_call_is_left_out() {
    let tried = include_str!("layer_every_call.rs");
    let calls = calls().filter(|call| {
        !NOTHING_TO_SEE.contains(&call.of_trait) && !FOR_DRIVEN_TASKS.contains(&call.name)
    });
    let is_tried = |call: &Row| {
        let receiver = if call.of_trait == "Batch" { "batch" } else { "t" };
        call.is_made_in(tried, receiver)
    };
    let (known, left_out): (Vec<_>, Vec<_>) = calls.partition(is_tried);
    let left_out: Vec<_> = left_out.iter().map(|call| (call.of_trait, call.name)).collect();
    assert_eq!(left_out, [], "these are not tried");
    assert!(known.len() > 200);
}
