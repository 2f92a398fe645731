//! Memory of forked children: read, written, mapped, shared and freed.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::thread;

use common::{deadline, stop, until, until_blocked_in};
use nearfar::near;
use nearfar::prelude::*;
use nearfar::task::FutexScope;

const PAGE: usize = 4096;
const RW: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// What `/proc` shows in a process's memory.
fn bytes_at(pid: near::Pid<HostPids>, address: usize, length: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let memory = File::open(format!("/proc/{}/mem", pid.as_raw()))?;
    memory.read_exact_at(&mut bytes, address as u64)?;
    Ok(bytes)
}

/// Whether something is mapped there.
fn is_mapped(pid: near::Pid<HostPids>, address: usize) -> bool {
    let maps = fs::read_to_string(format!("/proc/{}/maps", pid.as_raw())).unwrap();
    maps.lines().any(|line| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(start)..number(end)).contains(&address)
    })
}

#[test]
fn what_is_written_there_is_there_and_not_here() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let mut mine = here.ptr_slice(b"of this program").unwrap();
        let its = child.ptr_slice(b"of the child's").unwrap();
        assert_eq!(its.to_vec(&child).unwrap(), b"of the child's");
        let (address, mines) = (its.address().as_raw(), mine.address().as_raw());
        assert_eq!(bytes_at(child.host_pid(), address, 14).unwrap(), b"of the child's");
        // The copy keeps what was there when it was made.
        let mut number = here.ptr(&7_u64).unwrap();
        brand!(later_memory);
        let later = here.spawn_with_memory(later_memory).unwrap();
        number.write(&here, &8).unwrap();
        let seen = bytes_at(later.host_pid(), number.address().as_raw(), 8).unwrap();
        assert_eq!(seen, 7_u64.to_le_bytes());
        mine.write_slice(&here, b"OF THIS PROGRAM").unwrap();
        assert!(
            bytes_at(child.host_pid(), mines, 15).map_or(true, |seen| seen != b"OF THIS PROGRAM")
        );
    });
}

#[test]
fn pointers_are_the_buffers_of_calls() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let mut buffer = child.malloc_slice::<u8>(100_000).unwrap();
        here.write(&writer, b"to the child").unwrap();
        assert_eq!(child.read(&reader, &mut buffer).unwrap(), 12);
        assert_eq!(&buffer.to_vec(&child).unwrap()[..12], b"to the child");
        let parts = [child.ptr_slice(b"from ").unwrap(), child.ptr_slice(b"two parts").unwrap()];
        assert_eq!(child.writev(&writer, &parts).unwrap(), 14);
        let mut seen = [0; 32];
        assert_eq!(here.read(&reader, &mut seen).unwrap(), 14);
        assert_eq!(&seen[..14], b"from two parts");
        // Beyond what is mapped, the kernel stops.
        let zero = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        assert_eq!(child.read(&zero, &mut buffer).unwrap(), 100_000);
        assert!(buffer.to_vec(&child).unwrap().iter().all(|byte| *byte == 0));
    });
}

#[test]
fn what_is_dropped_is_unmapped_without_another_call() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let pid = child.host_pid();
        let mapping = child.mmap_anonymous(3 * PAGE, RW).unwrap();
        let address = mapping.address().as_raw();
        assert!(is_mapped(pid, address + 2 * PAGE));
        let (first, rest) = mapping.split_at(PAGE).unwrap();
        drop(first);
        until("unmapped", || !is_mapped(pid, address));
        assert!(is_mapped(pid, address + PAGE));
        child.munmap(rest).unwrap();
        assert!(!is_mapped(pid, address + PAGE));

        // What is allocated has no pages left when it is freed.
        let large = child.malloc_slice::<u64>(1 << 16).unwrap();
        let address = large.address().as_raw();
        assert!(is_mapped(pid, address));
        drop(large);
        until("unmapped", || !is_mapped(pid, address));
    });
}

#[test]
fn what_is_dropped_while_one_task_is_blocked_is_unmapped_by_another() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let sibling = child.spawn().unwrap();
        let counter = here.eventfd(0, EventfdFlags::empty()).unwrap();
        let mapping = sibling.mmap_anonymous(PAGE, RW).unwrap();
        let address = mapping.address().as_raw();
        let (pid, its) = (child.host_pid(), &counter);
        thread::scope(|scope| {
            let blocked = scope.spawn(move || child.eventfd_read(its).unwrap());
            until_blocked_in(pid, libc::SYS_read);
            drop(mapping);
            until("unmapped", || !is_mapped(pid, address));
            // And when all of them are, as soon as one goes on.
            let mapping = sibling.mmap_anonymous(PAGE, RW).unwrap();
            let address = mapping.address().as_raw();
            stop(sibling.host_pid());
            drop(mapping);
            assert!(is_mapped(pid, address));
            here.eventfd_write(&counter, 3).unwrap();
            assert_eq!(blocked.join().unwrap(), 3);
            let pidfd = here.pidfd_open(sibling.host_pid()).unwrap();
            here.pidfd_send_signal(&pidfd, Signal::CONT).unwrap();
            until("unmapped", || !is_mapped(sibling.host_pid(), address));
        });
    });
}

#[test]
fn what_outlives_its_address_space_is_dropped_without_harm() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        let (mapping, pointer) =
            (child.mmap_anonymous(PAGE, RW).unwrap(), child.ptr(&1_u8).unwrap());
        let sibling = child.spawn().unwrap();
        let process = child.program(&Program::new("true")).exec().unwrap();
        // The program has a memory of its own; this one is still there.
        assert_eq!(pointer.read(&sibling).unwrap(), 1);
        assert!(process.wait().unwrap().success());
        drop(sibling);
        drop((mapping, pointer));
        assert_eq!(here.ptr(&2_u8).unwrap().read(&here).unwrap(), 2);
    });
}

/// A page of a file, mapped in two address spaces.
fn both_ways<K: far::Task, L: far::Task>(
    one: &K,
    mine: &mut Mapping<K::AddressSpace>,
    other: &L,
    its: &mut Mapping<L::AddressSpace>,
) {
    mine.pointer::<u64>(8).unwrap().write(one, &0x1234).unwrap();
    assert_eq!(its.pointer::<u64>(8).unwrap().read(other), Ok(0x1234));
    its.pointer::<u64>(16).unwrap().write(other, &0x5678).unwrap();
    assert_eq!(mine.pointer::<u64>(16).unwrap().read(one), Ok(0x5678));
}

#[test]
fn a_file_mapped_in_two_address_spaces_shows_writes_both_ways() {
    deadline(|| {
        let here = Task::here();
        let file = here.memfd_create("both", MemfdFlags::empty()).unwrap();
        here.ftruncate(&file, PAGE as u64).unwrap();
        brand!(child_memory, child_fds, other_memory);
        let (child, its_file) = here.fork(child_memory, child_fds, &file).unwrap();
        let other = here.spawn_with_memory(other_memory).unwrap();
        let held = nearfar::task::Sharing::SharedAndHeld;
        let mut mine = here.mmap_file(&file, 0, PAGE, RW, held).unwrap();
        let mut its = child.mmap_file(&its_file, 0, PAGE, RW, held).unwrap();
        let mut others = other.mmap_file(&file, 0, PAGE, RW, held).unwrap();
        both_ways(&here, &mut mine, &child, &mut its);
        both_ways(&child, &mut its, &other, &mut others);
        both_ways(&other, &mut others, &here, &mut mine);
        // One open file, whatever the table and the address space.
        assert_eq!(mine.file().unwrap().is_same_as(its.file().unwrap()), Ok(true));
        assert!(common::same_open_file(
            (std::process::id(), file.near().as_raw()),
            (child.host_pid(), its_file.near().as_raw())
        ));
        let opened_again = here.memfd_create("both", MemfdFlags::empty()).unwrap();
        let other_file = here.file(&opened_again).unwrap();
        assert_eq!(mine.file().unwrap().is_same_as(&other_file), Ok(false));
    });
}

#[test]
fn tasks_of_a_forked_memory_sleep_on_a_word_there() {
    deadline(|| {
        brand!(child_memory);
        let child = Task::here().spawn_with_memory(child_memory).unwrap();
        let sibling = child.spawn().unwrap();
        let mut word = child.ptr(&5_u32).unwrap();
        thread::scope(|scope| {
            let its_word = &word;
            let asleep =
                scope.spawn(move || sibling.futex_wait(its_word, 5, None, FutexScope::Private));
            until("woken", || child.futex_wake(&word, 1, FutexScope::Private).unwrap() == 1);
            assert_eq!(asleep.join().unwrap(), Ok(()));
        });
        word.write(&child, &6).unwrap();
        let error = child.futex_wait(&word, 5, None, FutexScope::Private).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
    });
}

/// What is next to it in numbers only is in another memory.
#[test]
#[allow(unsafe_code, reason = "takes over what a forked child has")]
fn mappings_of_two_memories_are_not_merged() {
    deadline(|| {
        let here = Task::here();
        let (first, second) = here.mmap_anonymous(2 * PAGE, RW).unwrap().split_at(PAGE).unwrap();
        let (first, second) = (first.erase(), second.erase());
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap().erase();
        // SAFETY: it is mapped there since the fork, and nobody else knows of it.
        let theirs = unsafe { Mapping::from_near(second.near(), child.address_space()) };
        let (first, _theirs) = first.merge(theirs).unwrap_err();
        drop(first.merge(second).unwrap());
    });
}
