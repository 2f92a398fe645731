//! What other libraries do: code that is generic over tasks.

mod common;

use std::io::Read;

use common::{deadline, same_open_file};
use nearfar::brand::Label;
use nearfar::prelude::*;
use nearfar::{Error, IdMap};

/// Needs nothing but that std's buffers are the task's memory.
fn copy<K>(task: &K, from: &Fd<K::FdTable>, to: &Fd<K::FdTable>) -> Result<usize, Error>
where
    K: far::InHostMemory + ?Sized,
{
    let (mut buffer, mut copied) = ([0; 8], 0);
    loop {
        match task.read(from, &mut buffer)? {
            0 => return Ok(copied),
            length => copied += task.write(to, &buffer[..length])?,
        }
    }
}

#[test]
fn tasks_of_any_table_copy() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        brand!(private_fds);
        let (private, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        fn round<K: far::InHostMemory>(task: &K) {
            let (from, source) = task.pipe2(PipeFlags::empty()).unwrap();
            let (sink, to) = task.pipe2(PipeFlags::empty()).unwrap();
            task.write(&source, b"longer than a buffer").unwrap();
            drop(source);
            assert_eq!(copy(task, &from, &to), Ok(20));
            let mut found = [0; 32];
            assert_eq!(task.read(&sink, &mut found), Ok(20));
            assert_eq!(&found[..20], b"longer than a buffer");
        }
        round(&here);
        round(&child);
        round(&private);
    });
}

/// Between other things that are waited for.
async fn append<K>(task: K, fd: Fd<K::FdTable>, bytes: &'static [u8]) -> Result<usize, Error>
where
    K: far::InHostMemory + Send,
    K::FdTable: Send,
{
    tokio::task::yield_now().await;
    let written = task.write(&fd, bytes)?;
    tokio::task::yield_now().await;
    Ok(written + task.write(&fd, bytes)?)
}

/// The compiler has to see that it may move between threads, of the host's brands as well as of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_future_over_any_task_is_spawned() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let writing = tokio::spawn(async move {
        let child = Task::here().spawn()?;
        brand!(private_fds);
        let (child, writer) =
            child.unshare_files(private_fds, std::os::fd::OwnedFd::from(writer))?;
        append(child, writer, b"twice ").await
    });
    assert_eq!(writing.await.unwrap(), Ok(12));
    let mut found = String::new();
    reader.read_to_string(&mut found).unwrap();
    assert_eq!(found, "twice twice ");
}

/// Takes a child to where it is root, with an fd of its own table for whoever asked.
fn as_root<K: DrivenTask>(child: &K) -> Result<Fd<HostFds>, Error> {
    let here = Task::here();
    child.unshare(Namespaces::USER)?;
    here.deny_setgroups(child)?;
    here.write_uid_map(child, &[IdMap::own_uid_as(0)])?;
    here.write_gid_map(child, &[IdMap::own_gid_as(0)])?;
    let nofile = Rlimit { current: Some(512), maximum: Some(512) };
    here.prlimit_of(child, Resource::Nofile, Some(nofile))?;
    let status = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    here.pidfd_getfd(child, &status)
}

#[test]
fn children_of_any_table_are_mapped_limited_and_asked_for_fds() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        brand!(private_fds, inner_pids);
        let (private, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let init = here.spawn_with_pids(inner_pids).unwrap();
        fn round<K: DrivenTask>(child: &K) {
            drop(as_root(child).unwrap());
            assert!(child.getresuid().unwrap().effective.is_root());
            assert_eq!(child.getrlimit(Resource::Nofile).unwrap().maximum, Some(512));
        }
        round(&child);
        round(&private);
        round(&init);
    });
}

#[test]
fn an_fd_of_any_driven_tasks_table_is_fetched() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        fn fetch<K: DrivenTask>(child: &K) -> (Fd<HostFds>, Fd<K::FdTable>) {
            let (reader, _writer) = child.pipe2(PipeFlags::empty()).unwrap();
            (Task::here().pidfd_getfd(child, &reader).unwrap(), reader)
        }
        let (copy, original) = fetch(&child);
        let pids = (std::process::id(), child.host_pid().as_raw() as u32);
        assert!(same_open_file((pids.0, copy.near().as_raw()), (pids.1, original.near().as_raw())));
    });
}

/// The fd table of a worker.
#[allow(non_camel_case_types, reason = "labels are named like namespaces")]
pub(crate) enum worker_fds {}

impl Label for worker_fds {
    const NAME: &'static str = "worker_fds";
}

/// As a library does that hands out tasks of a brand of its own.
fn with_worker<R>(
    body: impl for<'id> FnOnce(&Task<Brand<'id, worker_fds>, HostMemory, HostPids>) -> R,
) -> Result<R, Error> {
    brand!(fds: worker_fds);
    let (worker, ()) = Task::here().spawn_with_files(fds, ())?;
    Ok(body(&worker))
}

#[test]
fn a_label_of_a_librarys_own_is_named_in_its_signatures() {
    deadline(|| {
        let (shown, table) = with_worker(|worker| {
            let file = worker.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
            // Another one, of the same label, is another table all the same.
            let other = with_worker(|other| other.fd_table().id()).unwrap();
            assert_ne!(worker.fd_table().id(), other);
            (file.to_string(), format!("{:?}", worker.fd_table()))
        })
        .unwrap();
        assert!(shown.starts_with("Fd(worker_fds:"), "{shown}");
        assert!(table.starts_with("FdTable(worker_fds, #"), "{table}");
    });
}
