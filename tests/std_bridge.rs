//! std's types, and pointers to fds, where a call takes an fd; and fds where std takes one.

mod common;

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::rc::Rc;
use std::sync::Arc;

use common::{deadline, on_all, passes, same_open_file, share};
use nearfar::interface::Call;
use nearfar::near;
use nearfar::prelude::*;
use nearfar::task::{NamespaceType, Sharing};
use nearfar::{Command, ErrorKind, HostFds};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

fn me() -> u32 {
    std::process::id()
}

fn null<K: far::Task>(task: &K) -> Fd<K::FdTable> {
    task.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty()).unwrap()
}

/// The number of what a call takes as an fd of this process's table.
fn number(fd: impl nearfar::handle::AsFd<HostFds>) -> i32 {
    near::Fd::as_raw(fd.near_fd())
}

on_all! {
    fn what_points_to_an_fd_is_taken_as_it(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let (mut reader, writer) = (Box::new(reader), Arc::new(writer));
        task.write(&writer, b"ab").unwrap();
        task.write(writer.clone(), b"c").unwrap();
        let shared = Rc::new(writer);
        task.write(&shared, b"d").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(task.read(&reader, &mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"abcd");
        // With the last one, it is closed.
        drop(shared);
        assert_eq!(task.read(&mut reader, &mut buffer).unwrap(), 0);
    }

    fn what_points_to_a_directory_is_taken_as_it(task) {
        let dev = task.openat(Cwd, "/dev", OFlags::DIRECTORY, Mode::empty()).unwrap();
        let dev = Arc::new(dev);
        let opened = task.openat(&dev, "null", OFlags::RDONLY, Mode::empty()).unwrap();
        assert_eq!(task.fstat(&opened).unwrap().st_rdev, task.fstat(null(task)).unwrap().st_rdev);
        let _opened = task.openat(Box::new(Cwd), "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    }

    fn what_points_to_an_instance_is_taken_as_it(task) {
        let (_reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let epoll = Arc::new(task.epoll_create1().unwrap());
        task.epoll_ctl_add(&epoll, &writer, 1, epoll::EventFlags::OUT).unwrap();
        let mut events = [EpollEvent::default()];
        let happened = task.epoll_pwait2(&epoll, &mut events, None).unwrap();
        assert_eq!(happened[0].token(), 1);
    }
}

/// `T` becomes an `Fd` of the same number, and comes back.
#[track_caller]
fn goes_and_comes_back<T>(std: T)
where
    T: AsRawFd + From<Fd<HostFds>>,
    Fd<HostFds>: From<T>,
{
    let number = std.as_raw_fd();
    let fd = Fd::from(std);
    assert_eq!(fd.near().as_raw(), number);
    let std = T::from(fd);
    assert_eq!(std.as_raw_fd(), number);
    assert!(common::numbers(me()).contains(&number));
}

#[test]
fn stds_traits_read_write_and_seek_in_a_task() {
    fn round<K>(task: &K)
    where
        K: far::Task<AddressSpace = HostMemory>,
    {
        let file = task.memfd_create("file", MemfdFlags::empty()).unwrap();
        task.io(&file).write_all(b"some text").unwrap();
        // Its own offset, and nobody else's.
        assert_eq!(task.lseek(&file, nearfar::prelude::SeekFrom::Current(0)), Ok(9));
        let mut lent = task.io(&file);
        assert_eq!(lent.seek(io::SeekFrom::Start(5)).unwrap(), 5);
        let mut text = String::new();
        lent.read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        assert_eq!(lent.seek(io::SeekFrom::End(-1)).unwrap(), 8);
        assert_eq!(lent.seek(io::SeekFrom::Current(-3)).unwrap(), 5);

        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        lent.rewind().unwrap();
        // The writer is given away, and so closed.
        assert_eq!(io::copy(&mut lent, &mut task.io(writer)).unwrap(), 9);
        let mut bytes = Vec::new();
        task.io(&reader).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"some text");
        let refused = task.io(&reader).write(b"x").unwrap_err();
        assert_eq!(refused.kind(), io::Error::from(rustix::io::Errno::BADF).kind());
    }
    deadline(|| {
        let here = Task::here();
        round(&here);
        brand!(private_fds);
        round(&here.spawn_with_files(private_fds, ()).unwrap().0);
    });
}

#[test]
fn what_owns_an_fd_in_std_becomes_ours_and_comes_back() {
    goes_and_comes_back(OwnedFd::from(null(&Task::here())));
    goes_and_comes_back(File::open("/dev/null").unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    goes_and_comes_back(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    goes_and_comes_back(listener);
    goes_and_comes_back(UdpSocket::bind("127.0.0.1:0").unwrap());
    let (stream, other) = UnixStream::pair().unwrap();
    goes_and_comes_back(stream);
    goes_and_comes_back(UnixDatagram::unbound().unwrap());
    goes_and_comes_back(UnixListener::from(OwnedFd::from(other)));
    let here = Task::here();
    goes_and_comes_back(ChildStdin::from(null(&here)));
    goes_and_comes_back(ChildStdout::from(null(&here)));
    goes_and_comes_back(ChildStderr::from(null(&here)));
}

#[test]
fn a_number_given_up_through_std_stays_open() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let writer = Fd::from(writer);
    assert_eq!(writer.borrow().as_raw_fd(), writer.near().as_raw());
    let number = writer.into_raw_fd();
    assert!(common::numbers(me()).contains(&number));
    let path = format!("/proc/self/fd/{number}");
    assert!(std::fs::read_link(&path).unwrap().to_string_lossy().starts_with("socket:"));
    reader.set_nonblocking(true).unwrap();
    assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn handles_of_a_kind_are_fds_for_std() {
    let here = Task::here();
    let epoll = here.epoll_create1().unwrap();
    let number = epoll.near().as_raw();
    assert_eq!(epoll.as_fd().as_raw_fd(), number);
    assert_eq!(epoll.as_raw_fd(), number);
    let owned = OwnedFd::from(epoll);
    assert_eq!(owned.as_raw_fd(), number);
    let epoll = Epoll::from(Fd::from(owned));
    here.epoll_ctl_add(&epoll, null(&here), 0, epoll::EventFlags::IN).unwrap_err();
    assert_eq!(epoll.into_raw_fd(), number);
}

#[test]
fn an_inotify_instance_is_waited_for_by_tokio() {
    deadline(|| {
        let here = Task::here();
        let scratch = common::Scratch::new();
        brand!(spool);
        let inotify = here.inotify_init1(spool, inotify::CreateFlags::NONBLOCK).unwrap();
        here.inotify_add_watch(&inotify, scratch.join("."), inotify::WatchFlags::CREATE).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            #[allow(unsafe_code, reason = "tokio has it promised that an fd stays open")]
            // SAFETY: the instance is in it, and open for as long.
            let instance =
                unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) }.unwrap();
            File::create(scratch.join("new")).unwrap();
            let _ready = instance.readable().await.unwrap();
            let mut buffer = [0; 4096];
            let events = here.inotify_read(instance.get_ref(), &mut buffer).unwrap();
            assert_eq!(events.count(), 1);
        });
    });
}

#[test]
fn a_program_of_a_command_is_taken_as_its_pidfd() {
    deadline(|| {
        let here = Task::here();
        let mut cat = Command::new("cat");
        let mut cat = cat.stdin(nearfar::process::Stdio::piped()).spawn().unwrap();
        assert_eq!(number(&cat), cat.as_raw_fd());
        brand!(cat_memory);
        let _memory = ProcessMemory::open(cat_memory, &cat).unwrap();
        drop(cat.stdin.take());
        let mut wanted = [PollFd::new(&cat, PollFlags::IN)];
        assert_eq!(here.ppoll(&mut wanted, None).unwrap(), 1);
        assert!(
            here.waitid(&cat, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap().is_some()
        );
        assert!(cat.wait().unwrap().success());
        let dynamic = Task::here().spawn().unwrap().erase();
        assert_eq!(dynamic.fstat(&cat).unwrap().st_ino, here.fstat(&cat).unwrap().st_ino);
    });
}

#[test]
fn what_std_owns_is_moved_into_a_new_table() {
    deadline(|| {
        let here = Task::here();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let writer = File::from(writer);
        let listed = [theirs.as_raw_fd(), writer.as_raw_fd()];
        brand!(private_fds);
        let (child, (theirs, copy)) =
            here.spawn_with_files(private_fds, (theirs, &writer)).unwrap();
        assert_eq!([theirs.near().as_raw(), copy.near().as_raw()], listed);
        assert!(same_open_file((me(), listed[1]), (child.pid(), listed[1])));
        child.write(&theirs, b"hello").unwrap();
        child.close(theirs).unwrap();
        // It ends, as the child's was the only one.
        let mut text = String::new();
        ours.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        drop(reader);
    });
}

#[test]
fn what_std_owns_is_listed_for_a_dynamic_tasks_new_table() {
    deadline(|| {
        let here = Task::here();
        let mut child = here.spawn().unwrap().erase();
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        let number = theirs.as_raw_fd();
        let (theirs, _copy, _borrow) =
            child.unshare_files_in_place((theirs, &file, file.as_fd())).map_or_else(
                |undone| {
                    // One slot, listed twice.
                    assert_eq!(undone.error.kind(), ErrorKind::ListedTwice);
                    let theirs = undone.moved.into_iter().next().unwrap();
                    child.unshare_files_in_place((theirs, &file, std::io::stdin().as_fd())).unwrap()
                },
                |_| panic!("a slot has two owners"),
            );
        assert_eq!(theirs.near().as_raw(), number);
        assert!(!share(common::Resource::Files, me(), child.host_pid()));
        child.write(&theirs, b"x").unwrap();
        ours.read_exact(&mut [0]).unwrap();
        // From its own table on, nothing of std's is one of its fds.
        let errors = [
            child.unshare_files_in_place(&file).unwrap_err().error,
            child.unshare_files_in_place(file.as_fd()).unwrap_err().error,
            child.unshare_files_in_place(file).unwrap_err().error,
        ];
        assert!(errors.iter().all(|error| matches!(error.kind(), ErrorKind::Mismatch(_))));
        ours.write_all(b"x").unwrap();
        child.read(&theirs, &mut [0]).unwrap();
    });
}

/// Anybody may put another file at 0, 1 and 2: what a call has been told of one holds until it is done.
#[test]
#[ignore = "a host for the test below"]
fn host_whose_stdin_is_another_file_meanwhile() {
    let here = Task::here();
    let put = |file: &Fd<HostFds>| rustix::stdio::dup2_stdin(file).map_err(|_| Errno::IO);
    let zero = here.openat(Cwd, "/dev/zero", OFlags::RDWR, Mode::empty()).unwrap();
    let swapped_before = |when: Call| {
        let zero = &zero;
        move |call: Call, _: &[usize]| if call == when { put(zero) } else { Ok(()) }
    };

    let file = here.memfd_create("file", MemfdFlags::CLOEXEC).unwrap();
    here.write(&file, b"the file").unwrap();
    put(&file).unwrap();
    let swapped = swapped_before(Call::MMAP);
    let observed = here.layer(&swapped);
    let mapped = observed
        .mmap_file(&io::stdin(), 0, 4096, ProtFlags::READ, Sharing::Private)
        .unwrap()
        .erase();
    let mut mapped = mapped.rebrand(&here).unwrap();
    assert!(mapped.bytes().to_vec(&here).unwrap().starts_with(b"the file"));

    let namespace = here.openat(Cwd, "/proc/self/ns/net", OFlags::RDONLY, Mode::empty()).unwrap();
    put(&namespace).unwrap();
    let swapped = swapped_before(Call::IOCTL);
    let kind = here.layer(&swapped).ioctl_ns_get_nstype(&io::stdin()).unwrap();
    assert_eq!(kind, Some(NamespaceType::Net));
}

#[test]
fn what_is_known_of_a_file_stays_true() {
    passes("host_whose_stdin_is_another_file_meanwhile");
}
