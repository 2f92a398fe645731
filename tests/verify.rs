//! What `verify` says: where beliefs are true, where they are not, and where nobody can tell.

#![allow(unsafe_code, reason = "makes beliefs untrue")]

mod common;

use std::thread;

use common::{deadline, is_dead, map_root, until};
use nearfar::far::{AddressSpace, FdTable, PidNamespace};
use nearfar::interface::{Call, SyscallInterface};
use nearfar::near::Pid;
use nearfar::prelude::*;
use nearfar::task::{Truth, Verdict};
use nearfar::{ErrorKind, far};

const NO_CHILD_YET: Verdict = Verdict::CannotTell(Errno::NOENT);

#[track_caller]
fn is_confirmed(task: &impl far::Task) {
    let truth = task.verify().unwrap();
    assert!(truth.is_confirmed() && !truth.is_refuted(), "{truth}");
}

/// Has the task's process make a call that nobody is told of.
#[track_caller]
fn secretly<const N: usize>(task: &impl far::Task, call: Call, arguments: [usize; N]) {
    // SAFETY: no memory is involved; what is believed of the task is not used afterwards but to be refuted.
    unsafe { task.interface().syscall(call, arguments) }.unwrap();
}

#[track_caller]
fn assert_is_all_that_is_refuted(truth: Truth, wrong: fn(&mut Truth) -> &mut Verdict) {
    let mut rest = truth;
    let verdict = std::mem::replace(wrong(&mut rest), Verdict::Confirmed);
    assert!(verdict == Verdict::Refuted && rest.is_confirmed(), "{truth}");
}

/// A task that says of itself what is true of another.
struct Liar<'a, K, L> {
    process: &'a K,
    story: &'a L,
}

// SAFETY: it is a lie; no call is made but `verify`, which builds on nothing.
unsafe impl<K: far::Task, L: far::Task> far::Task for Liar<'_, K, L> {
    type FdTable = L::FdTable;
    type AddressSpace = L::AddressSpace;
    type PidNamespace = L::PidNamespace;
    type ChildPidNamespace = L::ChildPidNamespace;
    type Interface = K::Interface;

    fn interface(&self) -> &K::Interface {
        self.process.interface()
    }
    fn fd_table(&self) -> &FdTable<L::FdTable> {
        self.story.fd_table()
    }
    fn address_space(&self) -> &AddressSpace<L::AddressSpace> {
        self.story.address_space()
    }
    fn pid_namespace(&self) -> &PidNamespace<L::PidNamespace> {
        self.story.pid_namespace()
    }
    fn child_pid_namespace(&self) -> &PidNamespace<L::ChildPidNamespace> {
        self.story.child_pid_namespace()
    }
    fn pid(&self) -> Pid<L::PidNamespace> {
        self.story.pid()
    }
}

#[test]
fn what_every_transition_makes_is_confirmed() {
    deadline(|| {
        let here = Task::here();
        is_confirmed(&here);
        thread::spawn(|| is_confirmed(&Task::here())).join().unwrap();
        let child = here.spawn().unwrap();
        is_confirmed(&child);
        is_confirmed(&child.layer(&|_, _: &[usize]| Err(Errno::PERM)));

        brand!(private_fds, memory, inner_pids, innermost_pids);
        let (child, ()) = child.unshare_files(private_fds, ()).unwrap();
        is_confirmed(&child);
        let sibling = child.spawn().unwrap();
        is_confirmed(&sibling);
        is_confirmed(&child);

        let forked = child.spawn_with_memory(memory).unwrap();
        is_confirmed(&forked);
        is_confirmed(&forked.spawn().unwrap());

        let init = sibling.spawn_with_pids(inner_pids).unwrap();
        is_confirmed(&init);
        is_confirmed(&init.spawn().unwrap());
        let outer = init.unshare_pid(innermost_pids).unwrap();
        let truth = outer.verify().unwrap();
        assert_eq!(truth.child_pid_namespace, NO_CHILD_YET);
        assert!(!truth.is_confirmed() && !truth.is_refuted(), "{truth}");
        let inner = outer.spawn().unwrap();
        is_confirmed(&inner);
        is_confirmed(&outer);
    });
}

#[test]
fn a_namespace_that_was_joined_is_recognised() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids, joined_pids, own_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let pidfd = here.pidfd_open(init.host_pid()).unwrap();
        let task = here.spawn().unwrap().setns_pid(joined_pids, &pidfd).unwrap();
        is_confirmed(&task);
        is_confirmed(&task.spawn().unwrap());
        let pidfd = here.pidfd_open(here.getpid().unwrap()).unwrap();
        let task = task.setns_pid(own_pids, &pidfd).unwrap();
        is_confirmed(&task);
        is_confirmed(&task.spawn().unwrap());
    });
}

#[test]
fn dynamic_and_pinned_tasks_are_verified_alike() {
    deadline(|| {
        is_confirmed(&Task::here().erase());
        let mut task = Task::here().spawn().unwrap().erase();
        task.unshare_files_in_place(()).unwrap();
        is_confirmed(&task);
        task.pin(|task| {
            is_confirmed(task);
            is_confirmed(&task.spawn().unwrap());
        });
        task.unshare_pid_in_place().unwrap();
        let init = task.spawn().unwrap();
        is_confirmed(&task);
        is_confirmed(&init);
    });
}

#[test]
fn a_task_in_a_user_namespace_of_its_own_is_confirmed() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        map_root(child.host_pid());
        is_confirmed(&child);
        brand!(inner_pids);
        is_confirmed(&child.spawn_with_pids(inner_pids).unwrap());
    });
}

#[test]
fn a_table_that_was_left_in_secret_is_refuted() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        secretly(&child, Call::UNSHARE, [libc::CLONE_FILES as usize]);
        let truth = child.verify().unwrap();
        assert_is_all_that_is_refuted(truth, |truth| &mut truth.fd_table);
        assert!(truth.to_string().starts_with("fd table: refuted, address space: confirmed, "));

        // Also for those that have been left, where they are not many.
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let sibling = child.spawn().unwrap();
        secretly(&sibling, Call::UNSHARE, [libc::CLONE_FILES as usize]);
        assert_eq!(sibling.verify().unwrap().fd_table, Verdict::Refuted);
        assert_eq!(child.verify().unwrap().fd_table, Verdict::Refuted);
        drop(sibling);
        is_confirmed(&child);
    });
}

#[test]
fn a_thread_that_breaks_the_premise_is_refuted() {
    deadline(|| {
        let broken = thread::spawn(|| {
            let here = Task::here();
            secretly(&here, Call::UNSHARE, [libc::CLONE_FILES as usize]);
            let truth = here.verify().unwrap();
            assert_eq!(truth.fd_table, Verdict::Refuted);
            assert_eq!(truth.address_space, Verdict::Confirmed);
            secretly(&here, Call::UNSHARE, [libc::CLONE_NEWPID as usize]);
            // Nothing lives there, so that the kernel does not even say that it is another one.
            assert_eq!(here.verify().unwrap().child_pid_namespace, NO_CHILD_YET);
        });
        broken.join().unwrap();
        is_confirmed(&Task::here());
    });
}

#[test]
fn children_that_go_elsewhere_in_secret_are_refuted() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids, other_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let pidfd = here.pidfd_open(init.host_pid()).unwrap();
        let task = here.spawn().unwrap();
        let to = [pidfd.near().as_raw() as usize, libc::CLONE_NEWPID as usize];
        secretly(&task, Call::SETNS, to);
        let truth = task.verify().unwrap();
        assert_eq!(truth.child_pid_namespace, Verdict::Refuted);
        assert_eq!(truth.pid_namespace, Verdict::Confirmed);

        // In the other direction, also where nobody has lived yet.
        let task = here.spawn().unwrap().unshare_pid(other_pids).unwrap();
        let own = here.pidfd_open(here.getpid().unwrap()).unwrap();
        let to = [own.near().as_raw() as usize, libc::CLONE_NEWPID as usize];
        secretly(&task, Call::SETNS, to);
        assert_eq!(task.verify().unwrap().child_pid_namespace, Verdict::Refuted);
    });
}

#[track_caller]
fn is_refuted(
    process: &impl far::Task,
    story: &impl far::Task,
    wrong: fn(&mut Truth) -> &mut Verdict,
) {
    let mut truth = Liar { process, story }.verify().unwrap();
    let verdict = std::mem::replace(wrong(&mut truth), Verdict::Confirmed);
    assert_eq!(verdict, Verdict::Refuted);
}

#[test]
fn what_is_true_of_another_task_is_refuted() {
    deadline(|| {
        let here = Task::here();
        brand!(memory, other_memory, some_fds, other_fds, inner_pids, other_pids);
        let (child, sibling) = (here.spawn().unwrap(), here.spawn().unwrap());
        let forked = here.spawn_with_memory(memory).unwrap();
        let other = here.spawn_with_memory(other_memory).unwrap();
        let inside = here.spawn_with_pids(inner_pids).unwrap();
        let elsewhere = here.spawn_with_pids(other_pids).unwrap();
        for (process, story) in [(&child, &sibling), (&sibling, &child)] {
            let truth = Liar { process, story }.verify().unwrap();
            assert_is_all_that_is_refuted(truth, |truth| &mut truth.pid);
        }
        is_refuted(&child, &forked, |truth| &mut truth.address_space);
        is_refuted(&forked, &child, |truth| &mut truth.address_space);
        is_refuted(&forked, &other, |truth| &mut truth.address_space);
        is_refuted(&here, &forked, |truth| &mut truth.address_space);
        is_refuted(&child, &inside, |truth| &mut truth.pid_namespace);
        is_refuted(&inside, &child, |truth| &mut truth.pid_namespace);
        is_refuted(&inside, &elsewhere, |truth| &mut truth.child_pid_namespace);
        is_refuted(&inside, &child, |truth| &mut truth.pid);

        let (some, ()) = sibling.unshare_files(some_fds, ()).unwrap();
        let (others, ()) = here.spawn_with_files(other_fds, ()).unwrap();
        is_refuted(&some, &others, |truth| &mut truth.fd_table);
        is_refuted(&some, &here, |truth| &mut truth.fd_table);
        is_refuted(&here, &some, |truth| &mut truth.fd_table);
    });
}

#[test]
fn what_the_kernel_does_not_tell_is_neither() {
    deadline(|| {
        let here = Task::here();
        brand!(private_fds);
        let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
        let child = child.erase();
        let thread = thread::spawn(move || {
            deny(libc::SYS_kcmp, libc::ENOSYS);
            let truth = child.verify().unwrap();
            let cannot_tell = Verdict::CannotTell(Errno::NOSYS);
            assert_eq!((truth.fd_table, truth.address_space), (cannot_tell, cannot_tell));
            assert_eq!(truth.pid_namespace, Verdict::Confirmed);
            assert_eq!(truth.pid, Verdict::Confirmed);
            assert!(!truth.is_refuted() && !truth.is_confirmed());
            assert!(truth.to_string().contains("cannot tell (Function not implemented"), "{truth}");
        });
        thread.join().unwrap();
    });
}

/// Has a call of the calling thread fail.
fn deny(number: i64, errno: i32) {
    let instruction =
        |code: u32, jt, jf, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    Task::here().prctl_set_no_new_privs().unwrap();
    // SAFETY: the program is there for the call.
    let answer =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(answer, 0);
}

#[test]
fn a_dead_task_lives_nowhere() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        child.killer().kill().unwrap();
        until("dead", || is_dead(child.host_pid()));
        assert_eq!(child.verify().unwrap_err().kind(), ErrorKind::NotSent);

        brand!(inner_pids);
        let init = Task::here().spawn_with_pids(inner_pids).unwrap();
        let second = init.spawn().unwrap();
        drop(init);
        until("dead", || is_dead(second.host_pid()));
        assert_eq!(second.verify().unwrap_err().kind(), ErrorKind::NotSent);
    });
}

#[test]
fn others_that_come_and_go_meanwhile_are_not_mistaken() {
    deadline(|| {
        brand!(private_fds);
        let (first, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let (maker, watcher) = (first.spawn().unwrap().erase(), first.erase());
        thread::scope(|scope| {
            let coming_and_going = scope.spawn(move || {
                for round in 0..300 {
                    let mut task = maker.spawn().unwrap();
                    match round % 4 {
                        0 => drop(task),
                        1 => task.unshare_files_in_place(()).unwrap(),
                        2 => task.killer().kill().unwrap(),
                        _ => {
                            let process = task.program(&Program::new("true")).exec().unwrap();
                            assert!(process.wait().unwrap().success());
                        }
                    }
                }
            });
            while !coming_and_going.is_finished() {
                is_confirmed(&watcher);
            }
            coming_and_going.join().unwrap();
        });
        is_confirmed(&watcher);
    });
}
