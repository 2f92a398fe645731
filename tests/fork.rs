//! Children with a copy of this program's memory: driven, dying, becoming programs.

mod common;

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::{
    Resource, Scratch, deadline, is_dead, is_gone, numbers, share, status, stop, until,
    until_blocked_in,
};
use nearfar::brand::Namespace;
use nearfar::prelude::*;
use nearfar::{Error, ErrorKind};

fn me() -> u32 {
    std::process::id()
}

fn sh(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

/// Everything that comes out of a pipe, up to the end of file.
fn drain(reader: &Fd<HostFds>) -> String {
    let here = Task::here();
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match here.read(reader, &mut buffer).unwrap() {
            0 => return String::from_utf8(all).unwrap(),
            length => all.extend_from_slice(&buffer[..length]),
        }
    }
}

/// Waits until a child is blocked in reading an eventfd, and what comes of it when `end` has been done.
fn while_blocked<F: Namespace, A: Namespace>(
    child: &mut nearfar::Task<F, A, HostPids>,
    counter: &Fd<F>,
    end: impl FnOnce(),
) -> Result<u64, Error> {
    let pid = child.host_pid();
    thread::scope(|scope| {
        let reading = scope.spawn(move || child.eventfd_read(counter));
        until_blocked_in(pid, libc::SYS_read);
        end();
        reading.join().unwrap()
    })
}

#[test]
fn a_forked_child_has_memory_of_its_own_and_the_same_files() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory, grandchild_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        assert!(!share(Resource::Memory, child.host_pid(), me()));
        assert!(share(Resource::Files, child.host_pid(), me()));
        assert!(!share(Resource::Directories, child.host_pid(), me()));
        assert_eq!(child.getpid().unwrap().as_raw(), child.host_pid().as_raw());
        assert_eq!(child.getppid().unwrap(), Some(here.getpid().unwrap()));
        let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        assert_eq!(here.read(&null, &mut [0; 8]).unwrap(), 0);

        let sibling = child.spawn().unwrap();
        assert!(share(Resource::Memory, child.host_pid(), sibling.host_pid()));
        assert_eq!(child.address_space(), sibling.address_space());
        let grandchild = child.spawn_with_memory(grandchild_memory).unwrap();
        assert!(!share(Resource::Memory, child.host_pid(), grandchild.host_pid()));
        assert!(!share(Resource::Memory, me(), grandchild.host_pid()));
        for task in [
            status(sibling.host_pid().as_raw(), "PPid"),
            status(grandchild.host_pid().as_raw(), "PPid"),
        ] {
            assert_eq!(task, me().to_string());
        }
        drop(child);
        assert_eq!(sibling.getppid().unwrap(), Some(here.getpid().unwrap()));
        assert!(grandchild.openat(Cwd, "/nowhere", OFlags::RDONLY, Mode::empty()).is_err());
    });
}

#[test]
fn what_is_lent_gets_there_and_back_whatever_its_size() {
    deadline(|| {
        let here = Task::here();
        let scratch = Scratch::new();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let directory = scratch.open(&child);
        for index in 0..300 {
            let name = format!("{index:0200}");
            child.mkdirat(&directory, &name, Mode::RWXU).unwrap();
        }
        child.symlinkat("target", &directory, "link").unwrap();
        assert_eq!(child.readlinkat(&directory, "link").unwrap(), "target");
        child.renameat2(&directory, "link", &directory, "moved", RenameFlags::NOREPLACE).unwrap();
        assert_eq!(std::fs::read_link(scratch.join("moved")).unwrap().to_str(), Some("target"));
        let names: Vec<_> = child.getdents64(&directory).map(|entry| entry.unwrap()).collect();
        assert_eq!(names.len(), std::fs::read_dir(scratch.join(".")).unwrap().count() + 2);
        // The longest that the file system takes.
        let file =
            child.openat(&directory, "file", OFlags::CREATE | OFlags::RDWR, Mode::RUSR).unwrap();
        let value: Vec<u8> = (0..3500).map(|index| index as u8).collect();
        child.fsetxattr(&file, "user.long", &value, XattrFlags::empty()).unwrap();
        assert_eq!(child.fgetxattr(&file, "user.long").unwrap(), value);
        assert_eq!(here.fgetxattr(&file, "user.long").unwrap(), value);

        let mut ready = [PollFd::new(&file, PollFlags::IN)];
        assert_eq!(child.ppoll(&mut ready, Some(Duration::ZERO)).unwrap(), 1);
        let epoll = child.epoll_create1().unwrap();
        let counter = child.eventfd(7, EventfdFlags::empty()).unwrap();
        child.epoll_ctl_add(&epoll, &counter, 3, epoll::EventFlags::IN).unwrap();
        assert_eq!(child.eventfd_read(&counter).unwrap(), 7);

        // Fds of the child's table, and what it calls them, in a message.
        let (left, right) = child
            .socketpair(AddressFamily::UNIX, SocketType::STREAM, None, SocketFlags::empty())
            .unwrap();
        assert!(child.getsockname(&left).is_ok() && child.getpeername(&right).is_ok());
    });
}

#[test]
fn a_program_is_told_everything() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(child_memory, child_fds);
        let (child, writer) = here.fork(child_memory, child_fds, writer).unwrap();
        assert_eq!(numbers(child.host_pid()), [0, 1, 2, writer.near().as_raw()]);
        // More than one room of what is lent, each argument longer than a block.
        let long = ["x".repeat(100_000), "y".repeat(30_000), "z".repeat(5_000)];
        let script =
            "printf '%s ' $(pwd) \"$VALUE\" ${#1} ${#2} ${#3} $(id -u) $(id -G); ulimit -n";
        let program = sh(script).arg("sh").args(&long).env("VALUE", "of it").current_dir("/tmp");
        child
            .setrlimit(
                nearfar::rustix::process::Resource::Nofile,
                Rlimit { current: Some(77), maximum: Some(77) },
            )
            .unwrap();
        let exec = child
            .program(&program)
            .fd(1, &writer)
            .uid(Uid::from_raw(12))
            .gid(Gid::from_raw(34))
            .groups(&[56, 78].map(Gid::from_raw));
        let process = exec.exec().unwrap();
        drop(writer);
        assert_eq!(drain(&reader), "/tmp of it 100000 30000 5000 12 34 56 78 77\n");
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn the_users_of_other_ids_do_not_hide_this_programs_memory() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let process = child.program(&Program::new("true")).uid(Uid::from_raw(12)).exec().unwrap();
        assert_eq!(
            here.prctl_get_dumpable().unwrap(),
            nearfar::rustix::process::DumpableBehavior::Dumpable
        );
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn a_failed_exec_gives_the_task_back() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory, child_fds);
        let (child, ()) = here.fork(child_memory, child_fds, ()).unwrap();
        let file = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        let before = numbers(child.host_pid());
        let missing = Program::new("no-such-program").current_dir("/tmp");
        let undone = child.program(&missing).fd(5, &file).try_exec().unwrap_err();
        assert_eq!(undone.error.errno(), Some(Errno::NOENT));
        let child = undone.task;
        assert_eq!(numbers(child.host_pid()), before);
        let blocked = status(child.host_pid().as_raw(), "SigBlk");
        assert_eq!(blocked, status(child.spawn().unwrap().host_pid().as_raw(), "SigBlk"));
        assert!(child.program(&Program::new("true")).exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn death_ends_a_blocking_call_at_once() {
    deadline(|| {
        let here = Task::here();
        // More than there is time for if the deaths were only looked for, once a second.
        for _ in 0..100 {
            brand!(child_memory);
            let mut child = here.spawn_with_memory(child_memory).unwrap();
            let counter = here.eventfd(0, EventfdFlags::empty()).unwrap();
            let (pid, killer) = (child.host_pid(), child.killer());
            let answer = while_blocked(&mut child, &counter, || killer.kill().unwrap());
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::Hangup);
            assert_eq!(child.getpid().unwrap_err().kind(), ErrorKind::NotSent);
            drop(child);
            assert!(is_gone(pid));
        }
    });
}

#[test]
fn a_child_killed_while_idle_is_noticed_by_the_next_call() {
    deadline(|| {
        let here = Task::here();
        for _ in 0..50 {
            brand!(child_memory);
            let child = here.spawn_with_memory(child_memory).unwrap();
            child.killer().kill().unwrap();
            until("dead", || is_dead(child.host_pid()));
            let kind = child.getpid().unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::NotSent | ErrorKind::Hangup), "{kind:?}");
        }
    });
}

#[test]
fn a_child_killed_at_birth_is_noticed() {
    deadline(|| {
        let here = Task::here();
        for round in 0..40_u32 {
            brand!(child_memory);
            let child = here.spawn_with_memory(child_memory).unwrap();
            let killer = child.killer();
            thread::scope(|scope| {
                scope.spawn(move || {
                    for _ in 0..(round * 97) % 2000 {
                        std::hint::spin_loop();
                    }
                    killer.kill().unwrap();
                });
                // Whatever comes of it, it comes.
                let _answer = child.getpid();
            });
            let pid = child.host_pid();
            drop(child);
            assert!(is_gone(pid));
        }
    });
}

#[test]
fn killed_in_exec_is_told_from_success() {
    deadline(|| {
        let here = Task::here();
        let (mut failed, mut became) = (0, 0);
        for round in 0..400_u32 {
            brand!(child_memory);
            let child = here.spawn_with_memory(child_memory).unwrap();
            let (pid, killer) = (child.host_pid(), child.killer());
            let outcome = thread::scope(|scope| {
                scope.spawn(move || {
                    for _ in 0..(round * 97) % 8000 {
                        std::hint::spin_loop();
                    }
                    // It may have ended already.
                    let _ended = killer.kill();
                });
                child.program(&Program::new("/bin/true")).exec()
            });
            match outcome {
                Ok(process) => {
                    became += 1;
                    let exit = process.wait().unwrap();
                    assert!(exit.success() || exit.signal() == Some(libc::SIGKILL), "{exit}");
                }
                Err(error) => {
                    failed += 1;
                    let kind = error.kind();
                    assert!(matches!(kind, ErrorKind::Hangup | ErrorKind::NotSent), "{error}");
                }
            }
            assert!(is_gone(pid));
        }
        eprintln!("{failed} killed before they became the program, {became} not");
    });
}

#[test]
fn a_dropped_child_is_reaped_also_if_it_is_stopped() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory, other_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let pid = child.host_pid();
        drop(child);
        assert!(is_gone(pid));
        let child = here.spawn_with_memory(other_memory).unwrap();
        let pid = child.host_pid();
        stop(pid);
        drop(child);
        assert!(is_gone(pid));
    });
}

#[test]
fn a_child_outlives_the_thread_that_forked_it() {
    deadline(|| {
        brand!(child_memory);
        let child = thread::scope(|scope| {
            let forking = scope.spawn(|| Task::here().spawn_with_memory(child_memory).unwrap());
            forking.join().unwrap()
        });
        assert_eq!(child.getpid().unwrap().as_raw(), child.host_pid().as_raw());
        assert!(child.program(&Program::new("true")).exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn what_is_dropped_is_closed_without_another_call() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(child_memory, child_fds);
        let (child, writer) = here.fork(child_memory, child_fds, writer).unwrap();
        drop(writer);
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
        drop(child);
    });
}

#[test]
fn a_thousand_drops_at_once_are_all_closed() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory, child_fds);
        let (mut child, ()) = here.fork(child_memory, child_fds, ()).unwrap();
        let counter = child.eventfd(0, EventfdFlags::empty()).unwrap();
        let open = || child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let fds: Vec<_> = (0..900).map(|_| open()).collect();
        let left = [0, 1, 2, counter.near().as_raw()];
        let pid = child.host_pid();
        // While the only one that could close them is blocked.
        let sibling = child.spawn().unwrap();
        let answer = while_blocked(&mut child, &counter, || {
            stop(sibling.host_pid());
            drop(fds);
            here.pidfd_send_signal(&here.pidfd_open(sibling.host_pid()).unwrap(), Signal::CONT)
                .unwrap();
            until("closed", || numbers(pid) == left);
            sibling.eventfd_write(&counter, 5).unwrap();
        });
        assert_eq!(answer, Ok(5));
    });
}

#[test]
fn a_table_that_two_memories_share_is_closed_in_by_either() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds, other_memory);
        let (mut first, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let mut second = first.spawn_with_memory(other_memory).unwrap();
        assert!(share(Resource::Files, first.host_pid(), second.host_pid()));
        let counter = first.eventfd(0, EventfdFlags::empty()).unwrap();
        let open = |task: &nearfar::Task<_, HostMemory, HostPids>| {
            task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap()
        };
        let left = [0, 1, 2, counter.near().as_raw()];
        let (file, other) = (open(&first), open(&first));
        let (first_pid, second_pid) = (first.host_pid(), second.host_pid());
        let answer = while_blocked(&mut first, &counter, || {
            drop(file);
            until("closed", || numbers(second_pid).len() == left.len() + 1);
            second.eventfd_write(&counter, 1).unwrap();
        });
        assert_eq!(answer, Ok(1));
        let answer = while_blocked(&mut second, &counter, || {
            drop(other);
            until("closed", || numbers(first_pid) == left);
            first.eventfd_write(&counter, 2).unwrap();
        });
        assert_eq!(answer, Ok(2));
    });
}

#[test]
fn forked_tasks_come_and_go_from_many_threads() {
    deadline(|| {
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            for _ in 0..4 {
                let sender = sender.clone();
                scope.spawn(move || {
                    for round in 0..30 {
                        brand!(child_memory, child_fds);
                        let here = Task::here();
                        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
                        let (child, writer) = here.fork(child_memory, child_fds, writer).unwrap();
                        sender.send(child.host_pid()).unwrap();
                        if round % 2 == 0 {
                            drop((child.spawn().unwrap(), writer, child));
                        } else {
                            let process =
                                child.program(&Program::new("true")).fd(1, &writer).exec();
                            assert!(process.unwrap().wait().unwrap().success());
                        }
                        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
                    }
                });
            }
        });
        drop(sender);
        assert!(receiver.iter().all(is_gone));
    });
}

#[test]
fn a_forked_child_in_an_inner_pid_namespace_is_counted_among_the_driven() {
    deadline(|| {
        let here = Task::here();
        let maker = here.spawn().unwrap();
        maker.unshare(Namespaces::USER).unwrap();
        brand!(inner_pids, init_memory);
        let maker = maker.unshare_pid(inner_pids).unwrap();
        let init = maker.spawn_with_memory(init_memory).unwrap();
        assert_eq!(init.getpid().unwrap().as_raw(), 1);
        let second = init.spawn().unwrap();
        assert_eq!(second.getpid().unwrap().as_raw(), 2);
        assert_eq!(
            status(second.host_pid().as_raw(), "NSpid").split_whitespace().last(),
            Some("2")
        );
        // It has a copy of all that this program knows.
        let error = second.program(&Program::new("true")).exec().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MemoryExposed);
        assert!(init.program(&Program::new("true")).exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn the_end_of_one_of_two_in_a_memory_is_told_once() {
    /// A program out of a memory in which somebody stays, and whoever is there meanwhile.
    fn round() {
        let here = Task::here();
        brand!(child_memory);
        let stays = here.spawn_with_memory(child_memory).unwrap();
        let process = stays.spawn().unwrap().program(&Program::new("true")).exec().unwrap();
        for _ in 0..4 {
            let other = here.spawn().unwrap();
            assert_ne!(other.getpid().unwrap(), here.getpid().unwrap());
        }
        assert!(process.wait().unwrap().success());
        stays.getpid().unwrap();
    }
    deadline(|| {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| (0..100).for_each(|_| round()));
            }
        });
    });
}
