//! Every argument that has a brand, of every call, once of another namespace. Those are called `their_..`; all others are
//! as they should be. Nothing of this compiles: `every_argument_is_checked.rs` looks at what the compiler complains about.

#![allow(non_camel_case_types)]

use std::num::NonZeroU32;

use nearfar::Command;
use nearfar::brand::Label;
use nearfar::inspect::Piece;
use nearfar::prelude::*;
use nearfar::task::{CpuSet, FutexScope, FutexWaiter, Lock, Node, RobustList, SchedAttr};

macro_rules! labels {
    ($($name:ident)+) => {$(
        enum $name {}
        impl Label for $name {
            const NAME: &'static str = stringify!($name);
        }
    )+};
}

labels! {
    own_fds own_pids their_fds their_memory_space their_pids named also_named
    one_watches other_watches one_process other_process
}

type OwnFds<'id> = Brand<'id, own_fds>;
type OwnPids<'id> = Brand<'id, own_pids>;
type TheirFds<'id> = Brand<'id, their_fds>;
type TheirMemory<'id> = Brand<'id, their_memory_space>;
type TheirPids<'id> = Brand<'id, their_pids>;

type OwnTask<'id> = Task<OwnFds<'id>, HostMemory, OwnPids<'id>>;

fn every_call<'id>(
    task: &OwnTask<'id>,
    owned_task: OwnTask<'id>,
    their_task: &Task<OwnFds<'id>, TheirMemory<'id>, OwnPids<'id>>,
    their_child: &Task<OwnFds<'id>, HostMemory, TheirPids<'id>>,
    host: &Task<HostFds, HostMemory, OwnPids<'id>>,
    fd: &'id Fd<OwnFds<'id>>,
    their_fd: &'id Fd<TheirFds<'id>>,
    owned_fd: Fd<OwnFds<'id>>,
    their_owned_fd: Fd<TheirFds<'id>>,
    bytes: &Pointer<HostMemory, [u8]>,
    bytes_mut: &mut Pointer<HostMemory, [u8]>,
    their_bytes: &Pointer<TheirMemory<'id>, [u8]>,
    their_bytes_mut: &mut Pointer<TheirMemory<'id>, [u8]>,
    epoll_here: &Epoll<OwnFds<'id>>,
    their_epoll: &Epoll<TheirFds<'id>>,
    timer: &Itimerspec,
    program: &Program,
    lock: Lock,
    context: &FsContext<OwnFds<'id>>,
    their_context: &FsContext<TheirFds<'id>>,
    word: &Pointer<HostMemory, u32>,
    their_word: &Pointer<TheirMemory<'id>, u32>,
    word_mut: &mut Pointer<HostMemory, u32>,
    bits: NonZeroU32,
    inotify: &Inotify<Brand<'id, one_watches>, OwnFds<'id>>,
    their_inotify: &Inotify<Brand<'id, one_watches>, TheirFds<'id>>,
    watch: near::Watch<Brand<'id, one_watches>>,
    their_watch: near::Watch<Brand<'id, other_watches>>,
    mut their_mapping: Mapping<TheirMemory<'id>>,
    times: &Timestamps,
    mount: &MountFd<OwnFds<'id>>,
    their_mount: &MountFd<TheirFds<'id>>,
    attributes: MountAttr,
    pid: near::Pid<OwnPids<'id>>,
    their_pid: near::Pid<TheirPids<'id>>,
    group: near::Pgid<OwnPids<'id>>,
    their_group: near::Pgid<TheirPids<'id>>,
    thread: near::Tid<OwnPids<'id>>,
    their_thread: near::Tid<TheirPids<'id>>,
    their_process: &ChildProcess,
    cpus: &CpuSet,
    policy: SchedAttr,
    list: &RobustList<OwnPids<'id>>,
    their_list: &RobustList<TheirPids<'id>>,
    address: SocketAddress,
    guard: Guard<'id, named>,
    other_guard: Guard<'id, also_named>,
    modes: &Termios,
    size: Winsize,
    memory: &ProcessMemory<Brand<'id, one_process>>,
    their_address: near::Address<Brand<'id, other_process>>,
    their_piece: Piece<'id, Brand<'id, other_process>>,
) {
    let _ = task.openat(their_fd, "x", OFlags::RDONLY, Mode::empty());
    let _ = task.read(their_fd, &mut [0; 1]);
    let _ = task.read(fd, their_bytes_mut);
    let _ = task.write(their_fd, b"x");
    let _ = task.write(fd, their_bytes);
    let _ = task.pread(their_fd, &mut [0; 1], 0);
    let _ = task.pread(fd, their_bytes_mut, 0);
    let _ = task.pwrite(their_fd, b"x", 0);
    let _ = task.pwrite(fd, their_bytes, 0);
    let _ = task.lseek(their_fd, SeekFrom::Start(0));
    let _ = task.close(their_owned_fd);
    let _ = task.dup(their_fd);
    let _ = task.dup_onto(their_fd, owned_fd);
    let _ = task.dup_onto(fd, their_owned_fd);
    let _ = task.dup_at(their_fd, 7);
    let _ = task.file(their_fd);
    let _ = task.fstat(their_fd);
    let _ = task.batch().read(their_fd, &mut [0; 1]).fsync(fd);
    let _ = task.batch().read(fd, their_bytes_mut).fsync(fd);
    let _ = task.batch().pread(their_fd, &mut [0; 1], 0).fsync(fd);
    let _ = task.batch().pread(fd, their_bytes_mut, 0).fsync(fd);
    let _ = task.batch().write(their_fd, b"x").fsync(fd);
    let _ = task.batch().write(fd, their_bytes).fsync(fd);
    let _ = task.batch().pwrite(their_fd, b"x", 0).fsync(fd);
    let _ = task.batch().pwrite(fd, their_bytes, 0).fsync(fd);
    let _ = task.batch().fsync(their_fd).fsync(fd);
    let _ = task.batch().fdatasync(their_fd).fsync(fd);
    let _ = host.write_uid_map(their_child, &[]);
    let _ = host.write_gid_map(their_child, &[]);
    let _ = host.deny_setgroups(their_child);
    let _ = task.openat2(their_fd, "x", OFlags::RDONLY, Mode::empty(), ResolveFlags::empty());
    let _ = task.mkdirat(their_fd, "x", Mode::empty());
    let _ = task.mknodat(their_fd, "x", Node::Fifo, Mode::empty());
    let _ = task.unlinkat(their_fd, "x", AtFlags::empty());
    let _ = task.linkat(their_fd, "x", fd, "y", AtFlags::empty());
    let _ = task.linkat(fd, "x", their_fd, "y", AtFlags::empty());
    let _ = task.symlinkat("x", their_fd, "y");
    let _ = task.readlinkat(their_fd, "y");
    let _ = task.renameat2(their_fd, "x", fd, "y", RenameFlags::empty());
    let _ = task.renameat2(fd, "x", their_fd, "y", RenameFlags::empty());
    let _ = task.getdents64(their_fd);
    let _ = task.epoll_ctl_add(their_epoll, fd, 0, epoll::EventFlags::IN);
    let _ = task.epoll_ctl_add(epoll_here, their_fd, 0, epoll::EventFlags::IN);
    let _ = task.epoll_ctl_mod(their_epoll, fd, 0, epoll::EventFlags::IN);
    let _ = task.epoll_ctl_mod(epoll_here, their_fd, 0, epoll::EventFlags::IN);
    let _ = task.epoll_ctl_del(their_epoll, fd);
    let _ = task.epoll_ctl_del(epoll_here, their_fd);
    let _ = task.epoll_pwait2(their_epoll, &mut [], None);
    let _ = task.eventfd_read(their_fd);
    let _ = task.eventfd_write(their_fd, 1);
    let _ = task.timerfd_settime(their_fd, TimerfdTimerFlags::empty(), timer);
    let _ = task.timerfd_gettime(their_fd);
    let _ = task.timerfd_read(their_fd);
    let _ = task.signalfd_set(their_fd, SignalSet::empty());
    let _ = task.signalfd_read(their_fd);
    let _ = owned_task.program(program).fd(3, their_fd).exec();
    let _ = owned_task.program(program).fds([(3_u16, their_fd)]).exec();
    let _ = owned_task.program_at(their_fd, program).exec();
    let _ = task.fcntl_dupfd_cloexec(their_fd, 1);
    let _ = task.fcntl_getfd(their_fd);
    let _ = task.fcntl_setfd(their_fd, FdFlags::empty());
    let _ = task.fcntl_getfl(their_fd);
    let _ = task.fcntl_setfl(their_fd, OFlags::empty());
    let _ = task.fcntl_getpipe_size(their_fd);
    let _ = task.fcntl_setpipe_size(their_fd, 1);
    let _ = task.fcntl_get_seals(their_fd);
    let _ = task.fcntl_add_seals(their_fd, SealFlags::empty());
    let _ = task.fcntl_ofd_setlk(their_fd, lock);
    let _ = task.fcntl_ofd_setlkw(their_fd, lock);
    let _ = task.fcntl_ofd_getlk(their_fd, lock);
    let _ = task.fcntl_dupfd_query(their_fd, fd);
    let _ = task.fcntl_dupfd_query(fd, their_fd);
    let _ = task.fchdir(their_fd);
    let _ = task.fspick(their_fd, "x", FsPickFlags::empty());
    let _ = task.fsconfig_set_flag(their_context, "x");
    let _ = task.fsconfig_set_string(their_context, "x", "y");
    let _ = task.fsconfig_set_fd(their_context, "x", fd);
    let _ = task.fsconfig_set_fd(context, "x", their_fd);
    let _ = task.fsconfig_create(their_context);
    let _ = task.fsopen_with_fds("fuse", &[], &[("fd", their_fd)]);
    let _ = task.fsconfig_create_exclusive(their_context);
    let _ = task.fsconfig_reconfigure(their_context);
    let _ = task.fsmount(their_context, MountAttrFlags::empty());
    let _ = task.fs_messages(their_context);
    let _ = task.futex_wait(their_word, 0, None, FutexScope::Private);
    let _ = task.futex_wait_bitset(their_word, 0, bits, None, FutexScope::Private);
    let _ = task.futex_waitv(&[FutexWaiter::new(their_word, 0, FutexScope::Private)], None);
    let _ = task.futex_wake(their_word, 0, FutexScope::Private);
    let _ = task.futex_wake_bitset(their_word, 0, bits, FutexScope::Private);
    let _ = task.futex_requeue(their_word, 0, word, 0, FutexScope::Private);
    let _ = task.futex_requeue(word, 0, their_word, 0, FutexScope::Private);
    let _ = task.futex_cmp_requeue(their_word, 0, 0, word, 0, FutexScope::Private);
    let _ = task.futex_cmp_requeue(word, 0, 0, their_word, 0, FutexScope::Private);
    let _ = task.inotify_add_watch(their_inotify, "x", inotify::WatchFlags::empty());
    let _ = task.inotify_rm_watch(their_inotify, watch);
    let _ = task.inotify_rm_watch(inotify, their_watch);
    let _ = task.inotify_read(their_inotify, &mut []);
    let _ = task.io(their_fd);
    let _ = task.ioctl_fionread(their_fd);
    let _ = task.ioctl_fionbio(their_fd, true);
    let _ = task.ioctl_blkgetsize64(their_fd);
    let _ = task.ioctl_fs_ioc_getflags(their_fd);
    let _ = task.ioctl_ficlone(their_fd, fd);
    let _ = task.ioctl_ficlone(fd, their_fd);
    let _ = task.ioctl_ns_get_userns(their_fd);
    let _ = task.ioctl_ns_get_parent(their_fd);
    let _ = task.ioctl_ns_get_nstype(their_fd);
    let _ = task.ioctl_ns_get_owner_uid(their_fd);
    let _ = unsafe { task.ioctl_by_value(their_fd, 0, 0) };
    let _ = unsafe { task.ioctl_fd(their_fd, 0, 0) };
    let _ = task.mmap_file(their_fd, 0, 1, ProtFlags::READ, Sharing::Shared);
    let _ = task.munmap(their_mapping);
    let _ = task.mremap(their_mapping, 1);
    let _ = task.mprotect(&mut their_mapping, ProtFlags::READ);
    let _ = task.madvise(&mut their_mapping, Advice::Normal);
    let _ = task.msync(&their_mapping, MsyncFlags::SYNC);
    let _ = task.mlock(&their_mapping);
    let _ = task.munlock(&their_mapping);
    let _ = bytes.to_vec(their_task);
    let _ = bytes.read_slice(their_task, &mut []);
    let _ = bytes.read_available(their_task, &mut []);
    let _ = bytes_mut.write_slice(their_task, &[]);
    let _ = bytes_mut.write_available(their_task, &[]);
    let _ = word.read(their_task);
    let _ = word_mut.write(their_task, &1);
    let _ = task.faccessat2(their_fd, "x", Access::EXISTS, AtFlags::empty());
    let _ = task.fchmodat(their_fd, "x", Mode::empty(), AtFlags::empty());
    let _ = task.fchmod(their_fd, Mode::empty());
    let _ = task.fchownat(their_fd, "x", None, None, AtFlags::empty());
    let _ = task.fchown(their_fd, None, None);
    let _ = task.utimensat(their_fd, "x", times, AtFlags::empty());
    let _ = task.futimens(their_fd, times);
    let _ = task.statx(their_fd, "x", AtFlags::empty(), StatxFlags::empty());
    let _ = task.fstatat(their_fd, "x", AtFlags::empty());
    let _ = task.fstatfs(their_fd);
    let _ = task.fsetxattr(their_fd, "x", b"", XattrFlags::empty());
    let _ = task.fgetxattr(their_fd, "x");
    let _ = task.flistxattr(their_fd);
    let _ = task.fremovexattr(their_fd, "x");
    let _ = task.open_tree(their_fd, "x", OpenTreeFlags::empty());
    let _ = task.move_mount_fd(their_mount, fd, "x", MoveMountFlags::empty());
    let _ = task.move_mount_fd(mount, their_fd, "x", MoveMountFlags::empty());
    let _ = task.move_mount(their_fd, "x", fd, "y", MoveMountFlags::empty());
    let _ = task.move_mount(fd, "x", their_fd, "y", MoveMountFlags::empty());
    let _ = task.move_mount_set_group(their_fd, "x", fd, "y", MoveMountFlags::empty());
    let _ = task.move_mount_set_group(fd, "x", their_fd, "y", MoveMountFlags::empty());
    let _ = task.mount_setattr(their_fd, "x", AtFlags::empty(), attributes);
    let _ = task.mount_setattr_idmap(their_fd, "x", AtFlags::empty(), fd);
    let _ = task.mount_setattr_idmap(fd, "x", AtFlags::empty(), their_fd);
    let _ = task.setns(their_fd, Namespaces::empty());
    let _ = task.setns_mount(their_fd);
    let _ = task.setns_net(their_fd);
    let _ = task.setns_uts(their_fd);
    let _ = task.setns_ipc(their_fd);
    let _ = task.setns_cgroup(their_fd);
    let _ = task.setns_time(their_fd);
    let _ = task.setns_user(their_fd);
    let _ = task.device_is_up(their_fd, "lo");
    let _ = task.set_device_up(their_fd, "lo", true);
    let _ = task.ppoll(&mut [PollFd::new(their_fd, PollFlags::IN)], None);
    let _ = task.getpgid(their_pid);
    let _ = task.setpgid(their_group);
    let _ = task.getsid(their_pid);
    let _ = task.pidfd_open(their_pid);
    let _ = task.pidfd_send_signal(their_fd, Signal::KILL);
    let _ = task.kill(their_pid, Signal::KILL);
    let _ = task.killpg(their_group, Signal::KILL);
    let _ = task.tgkill(their_pid, thread, Signal::KILL);
    let _ = task.tgkill(pid, their_thread, Signal::KILL);
    let _ = host.pidfd_getfd(task, their_fd);
    let _ = unsafe { task.pidfd_getfd_raw(their_fd, 1) };
    let _ = task.waitid(their_fd, WaitIdOptions::EXITED);
    let _ = task.prlimit_of(their_process, Resource::Nofile, None);
    let _ = task.sched_setaffinity_of(their_process, cpus);
    let _ = task.sched_getaffinity_of(their_process);
    let _ = task.sched_setattr_of(their_process, policy);
    let _ = task.sched_getattr_of(their_process);
    let _ = task.rt_sigqueueinfo(their_pid, Signal::KILL, 1);
    let _ = task.pidfd_send_signal_value(their_fd, Signal::KILL, 1);
    let _ = task.set_robust_list(their_list);
    let _ = list.held_by(their_thread);
    let _ = task.bind(their_fd, address);
    let _ = task.listen(their_fd, 1);
    let _ = task.accept4(their_fd, SocketFlags::empty());
    let _ = task.connect(their_fd, address);
    let _ = task.shutdown(their_fd, Shutdown::Both);
    let _ = task.getsockname(their_fd);
    let _ = task.getpeername(their_fd);
    let _ = task.send(their_fd, b"x", SendFlags::empty());
    let _ = task.send(fd, their_bytes, SendFlags::empty());
    let _ = task.sendto(their_fd, b"x", SendFlags::empty(), address);
    let _ = task.sendto(fd, their_bytes, SendFlags::empty(), address);
    let _ = task.recv(their_fd, &mut [0; 1], RecvFlags::empty());
    let _ = task.recv(fd, their_bytes_mut, RecvFlags::empty());
    let _ = task.recvfrom(their_fd, &mut [0; 1], RecvFlags::empty());
    let _ = task.recvfrom(fd, their_bytes_mut, RecvFlags::empty());
    let _ = task.sendmsg(their_fd, None, &[b"x"], [fd], SendFlags::empty());
    let _ = task.sendmsg(fd, None, &[their_bytes], [fd], SendFlags::empty());
    let _ = task.sendmsg(fd, None, &[b"x"], [their_fd], SendFlags::empty());
    let _ = task.recvmsg(their_fd, &mut [&mut [0_u8; 1]], 1, RecvFlags::empty());
    let _ = task.recvmsg(fd, &mut [their_bytes_mut], 1, RecvFlags::empty());
    let _ = task.send_fds(their_fd, [fd]);
    let _ = task.send_fds(fd, [their_fd]);
    let _ = task.recv_fds::<1>(their_fd);
    let _ = task.getsockopt_reuseaddr(their_fd);
    let _ = task.setsockopt_reuseaddr(their_fd, true);
    let _ = task.getsockopt_reuseport(their_fd);
    let _ = task.setsockopt_reuseport(their_fd, true);
    let _ = task.getsockopt_keepalive(their_fd);
    let _ = task.setsockopt_keepalive(their_fd, true);
    let _ = task.getsockopt_broadcast(their_fd);
    let _ = task.setsockopt_broadcast(their_fd, true);
    let _ = task.getsockopt_passcred(their_fd);
    let _ = task.setsockopt_passcred(their_fd, true);
    let _ = task.getsockopt_passpidfd(their_fd);
    let _ = task.setsockopt_passpidfd(their_fd, true);
    let _ = task.getsockopt_nodelay(their_fd);
    let _ = task.setsockopt_nodelay(their_fd, true);
    let _ = task.getsockopt_v6only(their_fd);
    let _ = task.setsockopt_v6only(their_fd, true);
    let _ = task.getsockopt_linger(their_fd);
    let _ = task.setsockopt_linger(their_fd, None);
    let _ = task.getsockopt_rcvbuf(their_fd);
    let _ = task.setsockopt_rcvbuf(their_fd, 1);
    let _ = task.getsockopt_sndbuf(their_fd);
    let _ = task.setsockopt_sndbuf(their_fd, 1);
    let _ = task.getsockopt_rcvtimeo(their_fd);
    let _ = task.setsockopt_rcvtimeo(their_fd, None);
    let _ = task.getsockopt_sndtimeo(their_fd);
    let _ = task.setsockopt_sndtimeo(their_fd, None);
    let _ = task.getsockopt_error(their_fd);
    let _ = task.getsockopt_type(their_fd);
    let _ = task.getsockopt_domain(their_fd);
    let _ = task.getsockopt_protocol(their_fd);
    let _ = task.getsockopt_acceptconn(their_fd);
    let _ = task.getsockopt_ttl(their_fd);
    let _ = task.setsockopt_ttl(their_fd, 1);
    let _ = task.getsockopt_peercred(their_fd);
    let _ = task.getsockopt_peerpidfd(their_fd);
    let _ = task.spawn_with_files(guard, their_fd);
    let _ = task.spawn_in_cgroup(their_fd);
    let _ = task.fork(guard, other_guard, their_fd);
    let _ = owned_task.unshare_files(guard, their_fd);
    let _ = owned_task.try_unshare_files(guard, their_fd);
    let _ = owned_task.setns_pid(guard, their_fd);
    let _ = owned_task.try_setns_pid(guard, their_fd);
    let _ = task.ftruncate(their_fd, 1);
    let _ = task.fallocate(their_fd, FallocateFlags::empty(), 0, 1);
    let _ = task.fsync(their_fd);
    let _ = task.fdatasync(their_fd);
    let _ = task.flock(their_fd, FlockOperation::Unlock);
    let _ = task.ioctl_tiocsctty(their_fd);
    let _ = task.ioctl_tiocnotty(their_fd);
    let _ = task.ioctl_tiocgsid(their_fd);
    let _ = task.ioctl_tiocgpgrp(their_fd);
    let _ = task.ioctl_tiocspgrp(their_fd, group);
    let _ = task.ioctl_tiocspgrp(fd, their_group);
    let _ = task.ioctl_tcgets(their_fd);
    let _ = task.ioctl_tcsets(their_fd, OptionalActions::Now, modes);
    let _ = task.ioctl_tiocgwinsz(their_fd);
    let _ = task.ioctl_tiocswinsz(their_fd, size);
    let _ = task.ioctl_tiocgptn(their_fd);
    let _ = task.ioctl_tiocsptlck(their_fd, true);
    let _ = task.ioctl_tiocgptpeer(their_fd, OFlags::empty());
    let _ = task.readv(their_fd, &mut [&mut [0_u8; 1]]);
    let _ = task.readv(fd, &mut [their_bytes_mut]);
    let _ = task.writev(their_fd, &[b"x"]);
    let _ = task.writev(fd, &[their_bytes]);
    let _ = task.preadv2(their_fd, &mut [&mut [0_u8; 1]], None, ReadWriteFlags::empty());
    let _ = task.preadv2(fd, &mut [their_bytes_mut], None, ReadWriteFlags::empty());
    let _ = task.pwritev2(their_fd, &[b"x"], None, ReadWriteFlags::empty());
    let _ = task.pwritev2(fd, &[their_bytes], None, ReadWriteFlags::empty());
    let _ = task.copy_file_range(their_fd, None, fd, None, 1);
    let _ = task.copy_file_range(fd, None, their_fd, None, 1);
    let _ = task.splice(their_fd, None, fd, None, 1, SpliceFlags::empty());
    let _ = task.splice(fd, None, their_fd, None, 1, SpliceFlags::empty());
    let _ = task.tee(their_fd, fd, 1, SpliceFlags::empty());
    let _ = task.tee(fd, their_fd, 1, SpliceFlags::empty());
    let _ = task.sendfile(their_fd, fd, None, 1);
    let _ = task.sendfile(fd, their_fd, None, 1);
    let _ = ProcessMemory::open(guard, their_fd);
    let _ = memory.read::<u8>(their_address);
    let _ = memory.read_slice::<u8>(their_address, &mut []);
    let _ = memory.read_available(their_address, &mut []);
    let _ = memory.read_c_string(their_address, 1);
    let _ = memory.piece(their_address, &mut []);
    let _ = memory.read_pieces(&mut [their_piece]);
    let _ = Command::new("x").stdin(their_owned_fd);
    let _ = Command::new("x").stdout(their_owned_fd);
    let _ = Command::new("x").stderr(their_owned_fd);
    let _ = Command::new("x").fd(3, their_owned_fd);
    let _ = Command::new("x").cgroup(their_owned_fd);
    let _ = Command::new("x").prepare_with([their_owned_fd], |_, _| Ok(()));
    let _ = std::process::Command::new("x").stdin(their_owned_fd);
    let _ = std::os::fd::OwnedFd::from(their_owned_fd);
    let _ = std::fs::File::from(their_owned_fd);
    let _ = std::os::fd::AsRawFd::as_raw_fd(&their_owned_fd);
    let _ = std::os::fd::AsFd::as_fd(&their_owned_fd);
    let _ = std::os::fd::IntoRawFd::into_raw_fd(their_owned_fd);
    let _ = std::os::fd::AsRawFd::as_raw_fd(their_epoll);
    let _ = std::os::fd::BorrowedFd::from(their_owned_fd.borrow());
}

fn main() {}
