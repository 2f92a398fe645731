//! What is of another namespace is refused by every call of a dynamic task, and nothing is sent.

#![allow(unsafe_code, reason = "raw calls")]

mod common;

use std::ffi::c_int;
use std::io::{self, Read, Seek, Write};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use common::calls::calls;
use common::{deadline, stop};
use nearfar::buf::{Buf, BufMut};
use nearfar::handle::Mapping;
use nearfar::interface::{Call, Observer};
use nearfar::near::{Pgid, Pid};
use nearfar::prelude::*;
use nearfar::task::{FutexScope, FutexWaiter, FutexWord, Lock, LockKind, Node, Request, Sharing};
use nearfar::{Dynamic, Error, ErrorKind, SignalSet, far};

/// These take what changes the task itself; see `dynamic.rs`.
const TRANSITIONS: [&str; 5] =
    ["ExecTask", "SpawnTask", "Task", "UnshareFilesTask", "UnsharePidTask"];

/// A dynamic task is not known to see a process by its handle, or to be in this process's memory: these do not
/// compile for it.
const FOR_BRANDS_ONLY: [&str; 9] = [
    "deny_setgroups",
    "prlimit_of",
    "sched_getaffinity_of",
    "sched_getattr_of",
    "sched_setaffinity_of",
    "sched_setattr_of",
    "set_robust_list",
    "write_gid_map",
    "write_uid_map",
];

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

/// Writes down what is sent.
#[derive(Default)]
struct Recorder(Mutex<Vec<Call>>);

impl Observer for Recorder {
    fn before(&self, call: Call, _: &[usize]) -> Result<(), Errno> {
        self.0.lock().unwrap().push(call);
        Ok(())
    }
}

/// What each refusal has to say.
struct Expected<'a> {
    recorder: &'a Recorder,
    sides: [String; 2],
}

impl Expected<'_> {
    fn is_refused<T>(&self, what: &str, answer: Result<T, impl Into<Error>>) {
        let Err(error) = answer else { panic!("{what} went through") };
        let error = error.into();
        let ErrorKind::Mismatch(mismatch) = error.kind() else { panic!("{what}: {error}") };
        let text = error.to_string();
        let are_named = self.sides.iter().all(|side| text.contains(side));
        let not_sent = format!("{}: not sent: {mismatch}", error.call());
        assert!(are_named && text == not_sent, "{what}: {text}");
        assert_eq!(*self.recorder.0.lock().unwrap(), [], "{what} has sent something");
    }

    fn are_refused<T>(&self, what: &str, answers: Vec<Result<T, Error>>) {
        assert!(!answers.is_empty());
        answers.into_iter().for_each(|answer| self.is_refused(what, answer));
    }
}

/// What std's traits return.
fn inside(error: io::Error) -> Error {
    Error::from_io_error(&error).expect("it is one of this library's")
}

macro_rules! refused {
    ($expected:ident: $($call:expr;)+) => {
        $($expected.is_refused(stringify!($call), $call);)+
    };
}

/// Whether what is sent to a task arrives there: if it is stopped, it hangs.
trait Stoppable: far::Task {
    fn stop(&self) {}
}

impl Stoppable for nearfar::Task<Dynamic, Dynamic, Dynamic> {
    fn stop(&self) {
        stop(self.host_pid());
    }
}

impl Stoppable for nearfar::Task<Dynamic, Dynamic, Dynamic, nearfar::interface::Local> {}

fn refuses_every_foreign_fd<K, L>(task: &K, other: &L)
where
    K: Stoppable<FdTable = Dynamic, AddressSpace = Dynamic, PidNamespace = Dynamic>,
    L: far::Task<FdTable = Dynamic>,
{
    let recorder = Recorder::default();
    let sides = [format!("one of {}", other.fd_table()), format!("lives in {}", task.fd_table())];
    let expected = Expected { recorder: &recorder, sides };
    fn open<K: far::Task>(task: &K, path: &str, flags: OFlags) -> Fd<K::FdTable> {
        task.openat(Cwd, path, flags, Mode::empty()).unwrap()
    }
    fn copies<K: far::Task>(task: &K, count: usize) -> impl Iterator<Item = Fd<K::FdTable>> {
        let null = open(task, "/dev/null", OFlags::RDWR);
        let all: Vec<_> = (0..count).map(|_| task.dup(&null).unwrap()).collect();
        all.into_iter()
    }
    let (mut given, mut own_given) = (copies(other, 8), copies(task, 8));
    let (file, own) =
        (open(other, "/dev/null", OFlags::RDWR), open(task, "/dev/null", OFlags::RDWR));
    let (dir, own_dir) =
        (open(other, "/proc", OFlags::DIRECTORY), open(task, "/proc", OFlags::DIRECTORY));
    let (context, mount) =
        (FsContext::from(given.next().unwrap()), MountFd::from(given.next().unwrap()));
    let (own_context, own_mount) =
        (FsContext::from(own_given.next().unwrap()), MountFd::from(own_given.next().unwrap()));
    let (epoll, own_epoll) = (other.epoll_create1().unwrap(), task.epoll_create1().unwrap());
    brand!(watches);
    let inotify = other.inotify_init1(watches, inotify::CreateFlags::empty()).unwrap();
    let watch = other.inotify_add_watch(&inotify, "/", inotify::WatchFlags::CREATE).unwrap();
    let terminal =
        Task::here().openat(Cwd, "/dev/ptmx", OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
    let terminal = terminal.unwrap();
    let attributes = Task::here().ioctl_tcgets(&terminal).unwrap();
    let size = Task::here().ioctl_tiocgwinsz(&terminal).unwrap();
    let (family, stream, none) = (AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty());
    let (own_socket, _own_peer) = task.socketpair(family, stream, None, none).unwrap();
    let address = || SocketAddrUnix::new_unnamed();
    let lock = Lock { kind: LockKind::Shared, start: 0, length: 0 };
    let (at, resolve, mode) = (AtFlags::empty(), ResolveFlags::empty(), Mode::empty());
    let time = Timespec { tv_sec: 0, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    let timer = Itimerspec { it_interval: time, it_value: time };
    let now = Some(Duration::ZERO);
    let mut bytes = [0; 64];

    task.stop();
    let t = task.layer(&recorder);
    refused! { expected:

        t.openat(&dir, "x", OFlags::PATH, mode); t.read(&file, &mut bytes); t.write(&file, &bytes);
        t.pread(&file, &mut bytes, 0); t.pwrite(&file, &bytes, 0);
        t.lseek(&file, SeekFrom::Start(0)); t.close(given.next().unwrap()); t.dup(&file);
        t.dup_onto(&file, own_given.next().unwrap()); t.dup_onto(&own, given.next().unwrap());
        t.dup_at(&file, 100); t.fstat(&file); t.fcntl_dupfd_cloexec(&file, 3);
        t.fcntl_getfd(&file); t.fcntl_setfd(&file, FdFlags::CLOEXEC); t.fcntl_getfl(&file);
        t.fcntl_setfl(&file, OFlags::empty()); t.fcntl_getpipe_size(&file);
        t.fcntl_setpipe_size(&file, 4096); t.fcntl_get_seals(&file);
        t.fcntl_add_seals(&file, SealFlags::SEAL); t.fcntl_ofd_setlk(&file, lock);
        t.fcntl_ofd_setlkw(&file, lock); t.fcntl_ofd_getlk(&file, lock);
        t.fcntl_dupfd_query(&file, &own); t.fcntl_dupfd_query(&own, &file);
        t.openat2(&dir, "x", OFlags::PATH, mode, resolve); t.mkdirat(&dir, "x", mode);
        t.mknodat(&dir, "x", Node::Fifo, mode); t.unlinkat(&dir, "x", at);
        t.linkat(&dir, "x", &own_dir, "y", at); t.linkat(&own_dir, "x", &dir, "y", at);
        t.symlinkat("x", &dir, "y"); t.readlinkat(&dir, "self");
        t.renameat2(&dir, "x", &own_dir, "y", RenameFlags::empty());
        t.renameat2(&own_dir, "x", &dir, "y", RenameFlags::empty());
        t.getdents64(&dir).next().unwrap();
        t.epoll_ctl_add(&epoll, &own, 1, epoll::EventFlags::IN);
        t.epoll_ctl_add(&own_epoll, &file, 1, epoll::EventFlags::IN);
        t.epoll_ctl_mod(&epoll, &own, 1, epoll::EventFlags::IN);
        t.epoll_ctl_mod(&own_epoll, &file, 1, epoll::EventFlags::IN);
        t.epoll_ctl_del(&epoll, &own); t.epoll_ctl_del(&own_epoll, &file);
        t.epoll_pwait2(&epoll, &mut [EpollEvent::default()], now);
        t.eventfd_read(&file); t.eventfd_write(&file, 1);
        t.io(&file).read(&mut bytes).map_err(inside); t.io(&file).write(b"x").map_err(inside);
        t.io(&file).rewind().map_err(inside);
        t.timerfd_settime(&file, TimerfdTimerFlags::empty(), &timer); t.timerfd_gettime(&file);
        t.timerfd_read(&file); t.signalfd_set(&file, SignalSet::empty()); t.signalfd_read(&file);
        t.fchdir(&dir); t.fspick(&dir, "x", FsPickFlags::empty());
        t.fsconfig_set_flag(&context, "ro"); t.fsconfig_set_string(&context, "size", "1m");
        t.fsconfig_set_fd(&context, "fd", &own); t.fsconfig_set_fd(&own_context, "fd", &file);
        t.fsopen_with_fds("fuse", &[], &[("fd", &file)]);
        t.fsconfig_create(&context); t.fsconfig_create_exclusive(&context);
        t.fsconfig_reconfigure(&context); t.fsmount(&context, MountAttrFlags::empty());
        t.fs_messages(&context);
        t.inotify_add_watch(&inotify, "/", inotify::WatchFlags::CREATE);
        t.inotify_rm_watch(&inotify, watch); t.inotify_read(&inotify, &mut bytes);
        t.ioctl_fionread(&file); t.ioctl_fionbio(&file, false); t.ioctl_blkgetsize64(&file);
        t.ioctl_fs_ioc_getflags(&file); t.ioctl_ficlone(&file, &own); t.ioctl_ficlone(&own, &file);
        t.ioctl_ns_get_userns(&file); t.ioctl_ns_get_parent(&file); t.ioctl_ns_get_nstype(&file);
        t.ioctl_ns_get_owner_uid(&file);
        // SAFETY: none of these requests is made.
        unsafe { t.ioctl(&file, Nothing) };
        // SAFETY: as above.
        unsafe { t.ioctl_by_value(&file, 0, 0) };
        // SAFETY: as above.
        unsafe { t.ioctl_fd(&file, 0, 0) };
        t.faccessat2(&dir, "x", Access::EXISTS, at); t.fchmodat(&dir, "x", mode, at);
        t.fchmod(&file, mode); t.fchownat(&dir, "x", None, None, at); t.fchown(&file, None, None);
        t.utimensat(&dir, "x", &times, at); t.futimens(&file, &times);
        t.statx(&dir, "x", at, StatxFlags::TYPE); t.fstatat(&dir, "x", at);
        t.fstatfs(&file); t.fsetxattr(&file, "user.x", b"", XattrFlags::empty());
        t.fgetxattr(&file, "user.x"); t.flistxattr(&file); t.fremovexattr(&file, "user.x");
        t.open_tree(&dir, "x", OpenTreeFlags::empty());
        t.move_mount_fd(&mount, &own_dir, "x", MoveMountFlags::empty());
        t.move_mount_fd(&own_mount, &dir, "x", MoveMountFlags::empty());
        t.move_mount(&dir, "x", &own_dir, "x", MoveMountFlags::empty());
        t.move_mount(&own_dir, "x", &dir, "x", MoveMountFlags::empty());
        t.move_mount_set_group(&dir, "x", &own_dir, "x", MoveMountFlags::empty());
        t.move_mount_set_group(&own_dir, "x", &dir, "x", MoveMountFlags::empty());
        t.mount_setattr(&dir, "x", at, MountAttr::default());
        t.mount_setattr_idmap(&dir, "x", at, &own);
        t.mount_setattr_idmap(&own_dir, "x", at, &file);
        t.device_is_up(&file, "lo"); t.set_device_up(&file, "lo", true);
        t.pidfd_send_signal(&file, Signal::CONT); t.waitid(&file, WaitIdOptions::EXITED);
        t.pidfd_send_signal_value(&file, Signal::CONT, 0);
        // SAFETY: no fd is taken.
        unsafe { t.pidfd_getfd_raw(&file, 3) };
        t.setns(&file, Namespaces::UTS); t.setns_mount(&file); t.setns_net(&file); t.setns_uts(&file); t.setns_ipc(&file);
        t.setns_cgroup(&file); t.setns_user(&file); t.setns_time(&file);
        t.send(&file, b"x", SendFlags::empty());
        t.sendto(&file, b"x", SendFlags::empty(), address());
        t.recv(&file, &mut bytes, RecvFlags::DONTWAIT);
        t.recvfrom(&file, &mut bytes, RecvFlags::DONTWAIT);
        t.sendmsg(&file, None, &[b"x"], None::<&Fd<_>>, SendFlags::empty());
        t.sendmsg(&own_socket, None, &[b"x"], [&own, &file], SendFlags::empty());
        t.recvmsg(&file, &mut [&mut bytes], 0, RecvFlags::DONTWAIT);
        t.send_fds(&file, [&own]); t.send_fds(&own_socket, [&file]);
        t.send_fds(&own_socket, [given.next().unwrap()]); t.recv_fds::<1>(&file);
        t.getsockopt_reuseaddr(&file); t.setsockopt_reuseaddr(&file, true);
        t.getsockopt_reuseport(&file); t.setsockopt_reuseport(&file, true);
        t.getsockopt_keepalive(&file); t.setsockopt_keepalive(&file, true);
        t.getsockopt_broadcast(&file); t.setsockopt_broadcast(&file, true);
        t.getsockopt_passcred(&file); t.setsockopt_passcred(&file, true);
        t.getsockopt_passpidfd(&file); t.setsockopt_passpidfd(&file, true);
        t.getsockopt_nodelay(&file); t.setsockopt_nodelay(&file, true);
        t.getsockopt_v6only(&file); t.setsockopt_v6only(&file, true);
        t.getsockopt_linger(&file); t.setsockopt_linger(&file, None);
        t.getsockopt_rcvbuf(&file); t.setsockopt_rcvbuf(&file, 4096);
        t.getsockopt_sndbuf(&file); t.setsockopt_sndbuf(&file, 4096);
        t.getsockopt_rcvtimeo(&file); t.setsockopt_rcvtimeo(&file, None);
        t.getsockopt_sndtimeo(&file); t.setsockopt_sndtimeo(&file, None);
        t.getsockopt_error(&file); t.getsockopt_type(&file); t.getsockopt_domain(&file);
        t.getsockopt_protocol(&file); t.getsockopt_acceptconn(&file);
        t.getsockopt_ttl(&file); t.setsockopt_ttl(&file, 1);
        t.getsockopt_peercred(&file); t.getsockopt_peerpidfd(&file);
        t.bind(&file, address()); t.listen(&file, 1); t.accept4(&file, none);
        t.connect(&file, address()); t.shutdown(&file, Shutdown::Both);
        t.getsockname(&file); t.getpeername(&file);
        t.ftruncate(&file, 0); t.fallocate(&file, FallocateFlags::empty(), 0, 1);
        t.fsync(&file); t.fdatasync(&file); t.flock(&file, FlockOperation::LockShared);
        t.ioctl_tiocsctty(&file); t.ioctl_tiocnotty(&file); t.ioctl_tiocgsid(&file);
        t.ioctl_tiocgpgrp(&file);
        t.ioctl_tcgets(&file); t.ioctl_tcsets(&file, OptionalActions::Now, &attributes);
        t.ioctl_tiocgwinsz(&file); t.ioctl_tiocswinsz(&file, size);
        t.ioctl_tiocgptn(&file); t.ioctl_tiocsptlck(&file, false);
        t.ioctl_tiocgptpeer(&file, OFlags::RDWR);
        t.readv(&file, &mut [&mut bytes]); t.writev(&file, &[b"x"]);
        t.preadv2(&file, &mut [&mut bytes], None, ReadWriteFlags::empty());
        t.pwritev2(&file, &[b"x"], None, ReadWriteFlags::empty());
        t.copy_file_range(&file, None, &own, None, 1);
        t.copy_file_range(&own, None, &file, None, 1);
        t.splice(&file, None, &own, None, 1, SpliceFlags::empty());
        t.splice(&own, None, &file, None, 1, SpliceFlags::empty());
        t.tee(&file, &own, 1, SpliceFlags::empty()); t.tee(&own, &file, 1, SpliceFlags::empty());
        t.sendfile(&file, &own, None, 1); t.sendfile(&own, &file, None, 1); t.file(&file);
        t.mmap_file(&file, 0, 4096, ProtFlags::READ, Sharing::Private);
    }

    let [mut first, mut second] = [[0; 8]; 2];
    let mut batch = t.batch();
    batch.read(&file, &mut first).pread(&file, &mut second, 0).write(&file, b"x");
    batch.pwrite(&file, b"x", 0).fsync(&file).fdatasync(&file);
    expected.are_refused("a batch", batch.submit());

    // What is known by its number alone is refused, too: of which table that is, it does not say.
    let sides = [String::from("does not say of which table it is"), expected.sides[1].clone()];
    let expected = Expected { recorder: &recorder, sides };
    refused! { expected:
        t.fstat(own.borrow()); t.fstat(file.borrow()); t.openat(own_dir.borrow(), "x", OFlags::PATH, mode);
        t.ppoll(&mut [PollFd::new(&own, PollFlags::IN)], now);
        t.ppoll(&mut [PollFd::new(&file, PollFlags::IN)], now);
    }
}

fn refuses_every_foreign_number<K, L>(task: &K, other: &L)
where
    K: Stoppable<FdTable = Dynamic, AddressSpace = Dynamic, PidNamespace = Dynamic>,
    L: far::Task<PidNamespace = Dynamic>,
{
    let recorder = Recorder::default();
    let (there, lives) = (other.pid_namespace(), format!("lives in {}", task.pid_namespace()));
    let near = Pid::asserted(1).unwrap();
    let (near_group, near_thread) = (Pgid::asserted(2).unwrap(), task.gettid().unwrap());
    let (own, own_thread) = (far::Pid::of(task, task.pid()), far::Tid::of(task, near_thread));
    let pid = far::Pid::of(other, near);
    let group = far::Pgid::of(other, near_group);
    let thread = far::Tid::of(other, other.gettid().unwrap());
    let terminal = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();

    task.stop();
    let t = task.layer(&recorder);
    let sides = [format!("one of {there}"), lives.clone()];
    let expected = Expected { recorder: &recorder, sides };
    refused! { expected:
        t.getpgid(&pid); t.getsid(&pid); t.setpgid(&group); t.pidfd_open(&pid);
        t.kill(&pid, Signal::CONT); t.killpg(&group, Signal::CONT);
        t.ioctl_tiocspgrp(&terminal, &group);
        t.tgkill(&pid, &own_thread, Signal::CONT); t.tgkill(&own, &thread, Signal::CONT);
        t.rt_sigqueueinfo(&pid, Signal::CONT, 0);
    }
    let sides = [String::from("does not say of which pid namespace it is"), lives];
    let expected = Expected { recorder: &recorder, sides };
    refused! { expected:
        t.getpgid(near); t.getsid(near); t.setpgid(near_group); t.pidfd_open(near);
        t.kill(near, Signal::CONT); t.killpg(near_group, Signal::CONT);
        t.ioctl_tiocspgrp(&terminal, near_group);
        t.tgkill(near, &own_thread, Signal::CONT); t.tgkill(&own, near_thread, Signal::CONT);
        t.rt_sigqueueinfo(near, Signal::CONT, 0); t.kill(task.pid(), Signal::CONT);
    }
}

/// Memory of somebody else, as every call takes some.
struct Foreign<B, W> {
    bytes: [B; 2],
    word: W,
    mappings: Vec<Mapping<Dynamic>>,
}

fn refuses_all_foreign_memory<K, B, W>(task: &K, space: &str, mut foreign: Foreign<B, W>)
where
    K: Stoppable<FdTable = Dynamic, AddressSpace = Dynamic>,
    B: Buf<Dynamic> + BufMut<Dynamic>,
    W: FutexWord<Dynamic>,
{
    let recorder = Recorder::default();
    let sides = [format!("that of {space}"), format!("task has {}", task.address_space())];
    let expected = Expected { recorder: &recorder, sides };
    let file = task.memfd_create("file", MemfdFlags::empty()).unwrap();
    let (family, stream, none) = (AddressFamily::UNIX, SocketType::STREAM, SocketFlags::empty());
    let (socket, _peer) = task.socketpair(family, stream, None, none).unwrap();
    let own = task.malloc::<u32>().unwrap();
    let address = || SocketAddrUnix::new_unnamed();
    let (all, scope) = (NonZeroU32::MAX, FutexScope::Private);
    let (no_flags, wait) = (ReadWriteFlags::empty(), RecvFlags::DONTWAIT);
    let mut mapping = foreign.mappings.pop().unwrap();
    let Foreign { bytes: [bytes, other], word, mappings } = &mut foreign;
    let read_write = ProtFlags::READ | ProtFlags::WRITE;

    task.stop();
    let t = task.layer(&recorder);
    refused! { expected:
        t.read(&file, bytes); t.write(&file, bytes); t.pread(&file, bytes, 0);
        t.pwrite(&file, bytes, 0); t.send(&socket, bytes, SendFlags::empty());
        t.sendto(&socket, bytes, SendFlags::empty(), address()); t.recv(&socket, bytes, wait);
        t.recvfrom(&socket, bytes, wait);
        t.sendmsg(&socket, None, &[&*bytes, &*other], None::<&Fd<_>>, SendFlags::empty());
        t.recvmsg(&socket, &mut [&mut *bytes, &mut *other], 0, wait);
        t.readv(&file, &mut [&mut *bytes, &mut *other]); t.writev(&file, &[&*bytes, &*other]);
        t.preadv2(&file, &mut [&mut *bytes], None, no_flags);
        t.pwritev2(&file, &[&*bytes], None, no_flags);
        t.futex_wait(word, 1, Some(Duration::ZERO), scope);
        t.futex_wait_bitset(word, 1, all, None, scope); t.futex_wake(word, 1, scope);
        t.futex_wake_bitset(word, 1, all, scope); t.futex_requeue(word, 1, &own, 1, scope);
        t.futex_requeue(&own, 1, word, 1, scope); t.futex_cmp_requeue(word, 0, 1, &own, 1, scope);
        t.futex_cmp_requeue(&own, 0, 1, word, 1, scope);
        t.munmap(mappings.pop().unwrap()); t.mremap(mappings.pop().unwrap(), 4096);
        t.mprotect(&mut mapping, read_write); t.madvise(&mut mapping, Advice::Normal);
        t.msync(&mapping, MsyncFlags::SYNC); t.mlock(&mapping); t.munlock(&mapping);
    }
    let mut batch = t.batch();
    batch.read(&file, bytes).pwrite(&file, other, 0);
    expected.are_refused("a batch", batch.submit());
    // Of which memory it is, a list of words does not say.
    let sides = [String::from("does not say of which memory it is"), expected.sides[1].clone()];
    let expected = Expected { recorder: &recorder, sides };
    refused! { expected: t.futex_waitv(&[FutexWaiter::new(word, 1, scope)], None); }
}

fn mappings<K: far::Task<AddressSpace = Dynamic>>(task: &K) -> Vec<Mapping<Dynamic>> {
    (0..3).map(|_| task.mmap_anonymous(4096, ProtFlags::READ).unwrap()).collect()
}

#[test]
fn a_forked_child_takes_no_memory_of_this_program() {
    deadline(|| {
        brand!(child_memory);
        let forked = Task::here().spawn_with_memory(child_memory).unwrap().erase();
        let mappings = mappings(&Task::here().erase());
        let foreign = Foreign { bytes: [[0; 8]; 2], word: AtomicU32::new(0), mappings };
        refuses_all_foreign_memory(&forked, "AddressSpace(host_memory)", foreign);
    });
}

#[test]
fn no_task_takes_memory_of_a_forked_child() {
    deadline(|| {
        let forked = || {
            brand!(child_memory);
            Task::here().spawn_with_memory(child_memory).unwrap().erase()
        };
        let (owner, other) = (forked(), forked());
        let foreign = || Foreign {
            bytes: [(); 2].map(|()| owner.malloc_slice::<u8>(8).unwrap()),
            word: owner.malloc::<u32>().unwrap(),
            mappings: mappings(&owner),
        };
        let space = owner.address_space().to_string();
        refuses_all_foreign_memory(&other, &space, foreign());
        refuses_all_foreign_memory(&Task::here().erase(), &space, foreign());
        refuses_all_foreign_memory(&Task::here().spawn().unwrap().erase(), &space, foreign());
    });
}

#[test]
fn the_calling_thread_takes_no_fd_of_a_child() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        refuses_every_foreign_fd(&Task::here().erase(), &child.erase());
    });
}

#[test]
fn a_child_takes_no_fd_of_its_parent() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        refuses_every_foreign_fd(&child.erase(), &Task::here().erase());
    });
}

#[test]
fn two_children_of_one_line_take_no_fd_of_each_other() {
    deadline(|| {
        let child = || {
            brand!(private_fds);
            Task::here().spawn_with_files(private_fds, ()).unwrap().0.erase()
        };
        let (first, second) = (child(), child());
        refuses_every_foreign_fd(&first, &second);
    });
}

#[test]
fn numbers_of_processes_stay_in_their_namespace() {
    deadline(|| {
        let inside = || {
            brand!(inner_pids);
            Task::here().spawn_with_pids(inner_pids).unwrap().erase()
        };
        let (first, second) = (inside(), inside());
        refuses_every_foreign_number(&Task::here().erase(), &first);
        refuses_every_foreign_number(&first, &Task::here().erase());
        refuses_every_foreign_number(&second, &Task::here().spawn().unwrap().erase());
    });
}

/// Else the others would not say much.
#[test]
fn no_call_is_left_out() {
    let tried = include_str!("dynamic_every_call.rs");
    let mut count = 0;
    for call in calls().filter(|call| call.is_checked) {
        let is_left_out =
            TRANSITIONS.contains(&call.of_trait) || FOR_BRANDS_ONLY.contains(&call.name);
        if is_left_out || call.name == "pidfd_getfd" {
            continue;
        }
        assert!(call.is_made_in(tried, "t"), "{}::{} is not tried", call.of_trait, call.name);
        count += 1;
    }
    assert!(count > 150);
}
