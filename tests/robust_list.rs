//! Words that a task lets go of when it ends, and what the kernel looks at then.

mod common;

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use common::{deadline, is_dead, sleeping, until, until_it_sleeps_on};
use nearfar::far;
use nearfar::near::{AsTid, Tid};
use nearfar::prelude::*;
use nearfar::task::FutexScope::Shared;
use nearfar::task::{FUTEX_OWNER_DIED, FUTEX_WAITERS, RobustList};

type Child<P = HostPids> = nearfar::Task<HostFds, HostMemory, P>;

fn set(word: &AtomicU32, value: u32) {
    word.store(value, Ordering::Relaxed);
}

fn values<P>(list: &RobustList<P>) -> Vec<u32> {
    list.words().map(|word| word.load(Ordering::Relaxed)).collect()
}

/// A child's number, as the kernel has it in the word.
fn number<K: far::Task>(task: &K, list: &RobustList<K::PidNamespace>) -> u32
where
    Tid<K::PidNamespace>: AsTid<K::PidNamespace>,
{
    list.held_by(task.gettid().unwrap())
}

fn kill(child: &impl DrivenTask) {
    child.killer().kill().unwrap();
    until("dead", || is_dead(child.host_pid()));
}

/// A list of four, of which the child holds two, and for one of them somebody waits.
fn held_by(child: &Child) -> RobustList<HostPids> {
    let list = RobustList::new(4);
    child.set_robust_list(&list).unwrap();
    let (theirs, ours) = (number(child, &list), number(&Task::here(), &list));
    assert_eq!(theirs, child.pid().as_raw() as u32);
    let held = [theirs, theirs | FUTEX_WAITERS, ours, 0];
    list.words().zip(held).for_each(|(word, value)| set(word, value));
    list
}

/// What is left of such a list.
fn left() -> [u32; 4] {
    let ours = Task::here().gettid().unwrap().as_raw() as u32;
    [FUTEX_OWNER_DIED, FUTEX_OWNER_DIED | FUTEX_WAITERS, ours, 0]
}

#[test]
fn who_is_killed_lets_go_of_what_it_holds() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let list = held_by(&child);
        let before = values(&list);
        child.getpid().unwrap();
        assert_eq!(values(&list), before);
        kill(&child);
        assert_eq!(values(&list), left());
        child.set_robust_list(&list).unwrap_err();
    });
}

#[test]
fn who_is_dropped_lets_go_of_what_it_holds() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let list = held_by(&child);
        drop(child);
        assert_eq!(values(&list), left());
    });
}

#[test]
fn who_becomes_a_program_lets_go_of_what_it_holds() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let list = held_by(&child);
        let process = sleeping(child);
        assert_eq!(values(&list), left());
        // The program has nothing to do with it any more.
        let held = list.held_by(Tid::asserted(process.id() as i32).unwrap());
        set(list.word(0), held);
        drop(process);
        assert_eq!(values(&list)[0], held);
    });
}

#[test]
fn who_fails_to_become_a_program_holds_on() {
    deadline(|| {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn_with_files(private_fds, ()).unwrap();
        let list = RobustList::new(1);
        child.set_robust_list(&list).unwrap();
        let held = number(&child, &list);
        set(list.word(0), held);
        let undone = child.program(&Program::new("/nowhere")).try_exec().unwrap_err();
        assert_eq!(values(&list), [held]);
        drop(undone);
        assert_eq!(values(&list), [FUTEX_OWNER_DIED]);
    });
}

#[test]
fn one_who_waits_is_woken() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let list = RobustList::new(3);
        child.set_robust_list(&list).unwrap();
        let held = number(&child, &list) | FUTEX_WAITERS;
        set(list.word(1), held);
        let (send, receive) = channel();
        thread::scope(|scope| {
            let word = list.word(1);
            let waiter = scope.spawn(move || {
                let here = Task::here();
                send.send(here.gettid().unwrap()).unwrap();
                here.futex_wait(word, held, None, Shared)
            });
            let thread = receive.recv().unwrap().as_raw();
            until_it_sleeps_on(word, thread);
            kill(&child);
            assert_eq!(waiter.join().unwrap(), Ok(()));
        });
        assert_eq!(values(&list), [0, FUTEX_OWNER_DIED | FUTEX_WAITERS, 0]);
    });
}

#[test]
fn the_number_is_the_one_in_its_own_namespace() {
    deadline(|| {
        let here = Task::here();
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        let second = init.spawn().unwrap();
        let list = RobustList::new(3);
        init.set_robust_list(&list).unwrap();
        second.set_robust_list(&list).unwrap();
        let numbers = [number(&init, &list), number(&second, &list)];
        assert_eq!(numbers, [1, 2]);
        // What this process calls the second means nothing to the kernel there.
        let outside = second.host_pid().as_raw() as u32;
        list.words().zip([1, 2, outside]).for_each(|(word, value)| set(word, value));
        kill(&second);
        assert_eq!(values(&list), [1, FUTEX_OWNER_DIED, outside]);
        drop(second);
        kill(&init);
        assert_eq!(values(&list), [FUTEX_OWNER_DIED, FUTEX_OWNER_DIED, outside]);
    });
}

#[test]
fn the_last_list_is_the_one() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let (first, last) = (RobustList::new(1), RobustList::new(1));
        let held = number(&child, &first);
        for list in [&first, &last] {
            child.set_robust_list(list).unwrap();
            set(list.word(0), held);
        }
        child.set_robust_list(&RobustList::new(0)).unwrap();
        child.set_robust_list(&last).unwrap();
        // A sibling begins without one.
        drop(child.spawn().unwrap());
        kill(&child);
        assert_eq!((values(&first), values(&last)), (vec![held], vec![FUTEX_OWNER_DIED]));
    });
}

#[test]
fn the_kernel_looks_at_every_word_there_can_be() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let list = RobustList::new(2048);
        child.set_robust_list(&list).unwrap();
        let held = number(&child, &list);
        list.words().for_each(|word| set(word, held));
        kill(&child);
        assert_eq!(values(&list), [FUTEX_OWNER_DIED; 2048]);
    });
}

#[test]
#[should_panic(expected = "the kernel looks at 2048 words only")]
fn a_list_is_not_longer_than_the_kernel_looks() {
    let _list = RobustList::<HostPids>::new(2049);
}

/// A word at an address that nobody in this program can name any more.
fn look(address: usize) -> u32 {
    let mut word = [0; 4];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut word, address as u64).unwrap();
    u32::from_ne_bytes(word)
}

/// The handle is dropped, and then what was freed would be used again.
#[test]
fn the_words_are_kept_for_the_kernel() {
    deadline(|| {
        const WORDS: usize = 100;
        let child = Task::here().spawn().unwrap();
        let list = RobustList::new(WORDS);
        child.set_robust_list(&list).unwrap();
        let held = number(&child, &list);
        list.words().for_each(|word| set(word, held));
        let addresses: Vec<_> = list.words().map(|word| word.as_ptr() as usize).collect();
        drop(list);
        let others: Vec<_> =
            (0..1000).map(|_| black_box(vec![u64::from(held); 2 * WORDS])).collect();
        assert!(addresses.iter().all(|address| look(*address) == held));
        kill(&child);
        assert!(addresses.iter().all(|address| look(*address) == FUTEX_OWNER_DIED));
        assert!(others.iter().flatten().all(|number| *number == u64::from(held)));
        drop(child);
    });
}

#[test]
fn a_forgotten_task_leaves_the_words_where_they_are() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let (pid, killer) = (child.pid(), child.killer());
        let list = held_by(&child);
        let address = list.word(0).as_ptr() as usize;
        drop(list);
        std::mem::forget(child);
        let others: Vec<_> = (0..1000).map(|_| black_box(vec![1_u64; 8])).collect();
        killer.kill().unwrap();
        until("dead", || is_dead(pid));
        assert_eq!(look(address), FUTEX_OWNER_DIED);
        assert!(others.iter().flatten().all(|number| *number == 1));
    });
}
