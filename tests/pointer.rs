//! Memory allocated in a task's address space, checked by `/proc/PID/mem` and `/proc/PID/maps`.

mod common;

use std::fs;
use std::thread;

use bytemuck::{Pod, Zeroable};
use common::memory::{mem, pid_of, regions};
use common::{deadline, on_all, on_every, until, until_blocked_in};
use nearfar::interface::Call;
use nearfar::prelude::*;
use nearfar::task::{FutexScope, Sharing};

const PAGE: usize = 4096;
const RW: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Header {
    magic: [u8; 4],
    version: u32,
    length: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(16384))]
struct Aligned([u8; 16384]);

on_every! {
    fn a_value_is_written_and_read(task) {
        let pid = pid_of(task);
        let header = Header { magic: *b"near", version: 7, length: 1 << 40 };
        let mut pointer = task.ptr(&header).unwrap();
        assert_eq!(mem(pid, pointer.address(), 16).unwrap(), bytemuck::bytes_of(&header));
        assert_eq!(pointer.read(task), Ok(header));
        pointer.write(task, &Header { version: 8, ..header }).unwrap();
        assert_eq!(mem(pid, pointer.address(), 8).unwrap(), b"near\x08\0\0\0");
        let mut number = task.malloc::<u64>().unwrap();
        number.write(task, &u64::MAX).unwrap();
        assert_eq!(number.read(task), Ok(u64::MAX));
    }

    fn several_values_are_copied_up_to_the_shorter_end(task) {
        let mut numbers = task.ptr_slice(&[1_u16, 2, 3, 4]).unwrap();
        assert_eq!(numbers.to_vec(task).unwrap(), [1, 2, 3, 4]);
        assert_eq!(numbers.write_available(task, &[9, 8]), Ok(2));
        let mut seen = [0; 3];
        assert_eq!(numbers.read_available(task, &mut seen), Ok(3));
        assert_eq!(seen, [9, 8, 3]);
        let out_of_it = Err("process_vm_writev: Bad address (os error 14)".into());
        let written = numbers.write_slice(task, &[7; 5]).map_err(|error| error.to_string());
        assert_eq!(written, out_of_it);
        assert!(numbers.read_slice(task, &mut [0; 5]).is_err());
        assert_eq!(numbers.to_vec(task).unwrap(), [9, 8, 3, 4]);
        numbers.read_slice(task, &mut seen).unwrap();
        assert_eq!(seen, [9, 8, 3]);
        assert_eq!(numbers.write_available(task, &[5; 9]), Ok(4));
        assert_eq!(numbers.get(3).unwrap().read(task), Ok(5));
        assert!(numbers.get(4).is_none() && numbers.get(usize::MAX).is_none());
        numbers.slice(1..3).unwrap().write_slice(task, &[6, 7]).unwrap();
        assert_eq!(numbers.to_vec(task).unwrap(), [5, 6, 7, 5]);
        assert!(numbers.slice(..5).is_none() && numbers.slice(5..).is_none());
        assert!(numbers.slice(4..).unwrap().is_empty());
        assert!(numbers.slice(..=usize::MAX).is_none());
        let bytes = numbers.into_bytes();
        assert_eq!(bytes.to_vec(task).unwrap(), [5, 0, 6, 0, 7, 0, 5, 0]);
    }

    fn places_are_aligned_and_large_enough(task) {
        let _odd = task.malloc::<u8>().unwrap();
        for _ in 0..3 {
            let aligned = task.malloc::<Aligned>().unwrap();
            assert_eq!(aligned.address().as_raw() % 16384, 0);
            let mut byte = aligned.into_bytes();
            byte.get(16383).unwrap().write(task, &1).unwrap();
        }
        let _odd = task.malloc::<u8>().unwrap();
        assert_eq!(task.malloc::<u64>().unwrap().address().as_raw() % 8, 0);
        let mut large = task.malloc_slice::<u64>(1 << 17).unwrap();
        assert_eq!(large.len(), 1 << 17);
        large.get((1 << 17) - 1).unwrap().write(task, &7).unwrap();
        for too_many in [usize::MAX, usize::MAX / 8, 1 << 50] {
            let error = task.malloc_slice::<u64>(too_many).unwrap_err();
            assert_eq!((error.call(), error.errno()), (Call::MMAP, Some(Errno::NOMEM)));
        }
    }

    fn pointers_into_a_mapping_are_inside_and_aligned(task) {
        let mut mapping = task.mmap_anonymous(PAGE, RW).unwrap();
        for (offset, fits) in
            [(0, true), (8, true), (PAGE - 8, true), (PAGE - 7, false), (4, false), (PAGE, false)]
        {
            assert_eq!(mapping.pointer::<u64>(offset).is_some(), fits, "{offset}");
            assert_eq!(mapping.slice_pointer::<u64>(offset, 1).is_some(), fits, "{offset}");
        }
        for offset in [usize::MAX, usize::MAX - 7, PAGE + 8] {
            assert!(mapping.pointer::<u64>(offset).is_none());
            assert!(mapping.slice_pointer::<u64>(offset, 1).is_none());
        }
        assert!(mapping.slice_pointer::<u64>(0, PAGE / 8).is_some());
        assert!(mapping.slice_pointer::<u64>(8, PAGE / 8).is_none());
        assert!(mapping.slice_pointer::<u64>(0, usize::MAX / 8 + 2).is_none());
        let (mut low, mut high) = mapping.bytes().split_at(PAGE / 2).unwrap();
        low.write_available(task, &[1; PAGE]).unwrap();
        high.write_available(task, &[2; PAGE]).unwrap();
        let expected = [[1; PAGE / 2], [2; PAGE / 2]].concat();
        assert_eq!(low.merge(high).unwrap().to_vec(task).unwrap(), expected);
    }

    fn pointers_are_split_and_merged(task) {
        let numbers = task.ptr_slice(&[0_u32, 1, 2, 3, 4, 5]).unwrap();
        let numbers = numbers.split_at(7).unwrap_err();
        let (low, high) = numbers.split_at(2).unwrap();
        let (middle, high) = high.split_at(2).unwrap();
        let (low, high) = low.merge(high).unwrap_err();
        let (middle, low) = middle.merge(low).unwrap_err();
        drop(middle);
        assert_eq!(low.to_vec(task).unwrap(), [0, 1]);
        assert_eq!(high.to_vec(task).unwrap(), [4, 5]);
        let (none, low) = low.split_at(0).unwrap();
        assert!(none.is_empty());
        assert_eq!(none.merge(low).unwrap().to_vec(task).unwrap(), [0, 1]);
    }
}

on_all! {
    fn nothing_is_allocated_for_nothing(task) {
        let mut none = task.malloc_slice::<u64>(0).unwrap();
        assert_eq!((none.len(), none.address().as_raw() % 8), (0, 0));
        assert_eq!(none.write_available(task, &[1]), Ok(0));
        assert_eq!(none.to_vec(task).unwrap(), []);
        let (reader, writer) = task.pipe2(PipeFlags::NONBLOCK).unwrap();
        let none = none.into_bytes();
        assert_eq!(task.write(&writer, &none), Ok(0));
        assert_eq!(task.read(&reader, &mut [0; 1]).unwrap_err().errno(), Some(Errno::AGAIN));
    }

    fn pointers_are_buffers_of_calls(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let mut text = task.ptr_slice(b"hello, world").unwrap();
        assert_eq!(task.write(&writer, &text), Ok(12));
        let mut buffer = task.malloc_slice::<u8>(20).unwrap();
        assert_eq!(task.read(&reader, &mut buffer), Ok(12));
        assert_eq!(&buffer.to_vec(task).unwrap()[..12], b"hello, world");
        assert_eq!(task.write(&writer, &text.slice(7..).unwrap()), Ok(5));
        assert_eq!(task.read(&reader, &mut buffer.slice(3..5).unwrap()), Ok(2));
        assert_eq!(&buffer.to_vec(task).unwrap()[..6], b"helwo,");
        // Values of other types, several at once, and memory of this program beside them.
        let mut number = task.malloc::<[u8; 3]>().unwrap();
        assert_eq!(task.read(&reader, &mut number), Ok(3));
        assert_eq!(number.read(task), Ok(*b"rld"));
        let word = task.ptr(&0x6463_6261_u32).unwrap();
        let sent = [IoBuf::new(&word), IoBuf::new(b"-"), IoBuf::new(&number)];
        assert_eq!(task.writev(&writer, &sent), Ok(8));
        let mut here = [0; 4];
        let received = &mut [IoBufMut::new(&mut here), IoBufMut::new(&mut buffer)];
        assert_eq!(task.readv(&reader, received), Ok(8));
        assert_eq!((&here, &buffer.to_vec(task).unwrap()[..4]), (b"abcd", &b"-rld"[..]));
    }

    fn a_buffer_that_may_not_be_accessed_is_an_error(task) {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        let mut mapping = task.mmap_anonymous(PAGE, RW).unwrap();
        task.mprotect(&mut mapping, ProtFlags::empty()).unwrap();
        let error = task.write(&writer, &mapping.bytes()).unwrap_err();
        assert_eq!((error.call(), error.errno()), (Call::WRITE, Some(Errno::FAULT)));
        task.write(&writer, b"x").unwrap();
        let error = task.read(&reader, &mut mapping.bytes()).unwrap_err();
        assert_eq!((error.call(), error.errno()), (Call::READ, Some(Errno::FAULT)));
        // Half of it: as much as there is.
        let mut two = task.mmap_anonymous(2 * PAGE, RW).unwrap();
        task.mprotect(&mut two.slice(PAGE..).unwrap(), ProtFlags::empty()).unwrap();
        assert_eq!(task.write(&writer, &two.bytes().slice(10..).unwrap()), Ok(PAGE - 10));
    }
}

#[test]
fn a_task_sleeps_on_a_word_that_is_allocated() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let (pid, killer) = (child.host_pid(), child.killer());
        let mut word = here.malloc::<u32>().unwrap();
        word.write(&here, &7).unwrap();
        let error = child.futex_wait(&word, 8, None, FutexScope::Private).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::AGAIN));
        thread::scope(|scope| {
            let word = &word;
            let slept = scope.spawn(move || child.futex_wait(word, 7, None, FutexScope::Private));
            // An idle task sleeps on another word.
            let path = format!("/proc/{pid}/syscall", pid = pid.as_raw());
            let start = format!("{} {:#x} ", libc::SYS_futex, word.address().as_raw());
            until("asleep", || {
                fs::read_to_string(&path).is_ok_and(|line| line.starts_with(&start))
            });
            let woken = here.futex_wake(word, 1, FutexScope::Private);
            // Else nobody would wake it any more.
            let _not_if_it_has_ended = killer.kill();
            let _woken_or_dead = slept.join().unwrap();
            assert_eq!(woken, Ok(1));
        });
    });
}

/// A neighbour is freed, and its place given to somebody else, while a task writes beside it. In a program
/// of its own, where nobody else takes that place.
#[test]
fn a_freed_neighbour_does_not_disturb() {
    common::passes("neighbours");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn neighbours() {
    let here = Task::here();
    let child = here.spawn().unwrap();
    let pid = child.host_pid();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let whole = here.malloc_slice::<u8>(300).unwrap();
    let (before, rest) = whole.split_at(100).unwrap();
    let (mut mine, after) = rest.split_at(100).unwrap();
    let places = [before.address(), after.address()];
    let mine = thread::scope(|scope| {
        let reading = scope.spawn(move || {
            assert_eq!(child.read(&reader, &mut mine), Ok(100));
            (child, mine)
        });
        until_blocked_in(pid, libc::SYS_read);
        drop((before, after));
        let mut new: Vec<_> = (0..2).map(|_| here.ptr_slice(&[2_u8; 100]).unwrap()).collect();
        here.write(&writer, &[1; 100]).unwrap();
        let (child, mine) = reading.join().unwrap();
        for (new, place) in new.iter_mut().zip(places) {
            assert_eq!(new.address(), place, "the place is used again");
            assert_eq!(new.to_vec(&child).unwrap(), [2; 100]);
        }
        mine
    });
    assert_eq!(mine.to_vec(&here).unwrap(), [1; 100]);
}

/// In a program of its own, as it counts what is mapped.
#[test]
fn what_is_free_is_unmapped() {
    common::passes("nothing_stays_mapped");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn nothing_stays_mapped() {
    let here = Task::here();
    let child = here.spawn().unwrap();
    let anonymous = || {
        let writable =
            |region: &common::memory::Region| region.access == "rw-p" && region.name.is_empty();
        regions(pid_of(&here))
            .into_iter()
            .filter(writable)
            .map(|region| region.range.len())
            .sum::<usize>()
    };
    drop(child.malloc::<u8>().unwrap());
    let with_a_spare_chunk = anonymous();
    let pointers: Vec<_> = (0..100).map(|_| child.malloc_slice::<u8>(100_000).unwrap()).collect();
    let small: Vec<_> = (0..1000).map(|_| child.malloc_slice::<u8>(1000).unwrap()).collect();
    assert!(anonymous() >= with_a_spare_chunk + 100 * 100_000 + 900 * 1000);
    drop(pointers);
    assert!(anonymous() < with_a_spare_chunk + 2_000_000);
    drop(small);
    assert_eq!(anonymous(), with_a_spare_chunk);
}

/// What is allocated, and what has been written there.
type Held<A> = (Pointer<A, [u8]>, Vec<u8>);

/// Ten thousand steps, over two tasks that share an address space: whatever is allocated holds what was written
/// there last, and nothing overlaps.
fn holds_what_was_written<K, L>(first: &K, second: &L, seed: u64)
where
    K: far::Task,
    L: far::Task<AddressSpace = K::AddressSpace>,
{
    const STEPS: usize = 10_000;
    const MOST: usize = 200;

    println!("seed {seed:#x}");
    let mut state = seed;
    let mut random = move |below: usize| {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    let mut held: Vec<Held<K::AddressSpace>> = Vec::new();
    let mut counts = [0; 5];
    for step in 0..STEPS {
        let of_first = random(2) == 0;
        let what = if held.is_empty() { 0 } else { random(5) };
        counts[what] += 1;
        match what {
            0 if held.len() < MOST => {
                let length = match random(20) {
                    0 => random(200_000),
                    _ => random(3000),
                };
                let content: Vec<u8> = (0..length).map(|_| random(256) as u8).collect();
                let pointer = match of_first {
                    true => first.ptr_slice(&content),
                    false => second.ptr_slice(&content),
                };
                held.push((pointer.unwrap(), content));
            }
            1 => {
                let (pointer, content) = held.swap_remove(random(held.len()));
                let mut seen = vec![0; content.len()];
                let read = match of_first {
                    true => pointer.read_slice(first, &mut seen),
                    false => pointer.read_slice(second, &mut seen),
                };
                assert_eq!(read, Ok(()));
                assert!(seen == content, "step {step}");
            }
            2 => {
                let (pointer, mut content) = held.swap_remove(random(held.len()));
                let middle = random(content.len() + 1);
                let (low, high) = pointer.split_at(middle).unwrap();
                let rest = content.split_off(middle);
                held.extend([(low, content), (high, rest)]);
            }
            3 => {
                let (low, mut content) = held.swap_remove(random(held.len()));
                let end = low.address().as_raw() + content.len();
                let next = held.iter().position(|(pointer, content)| {
                    pointer.address().as_raw() == end && !content.is_empty()
                });
                let Some(next) = next.filter(|_| !content.is_empty()) else {
                    held.push((low, content));
                    continue;
                };
                let (high, more) = held.swap_remove(next);
                content.extend(more);
                held.push((low.merge(high).unwrap(), content));
            }
            _ => {
                let index = random(held.len());
                let (pointer, content) = &mut held[index];
                let start = random(content.len() + 1);
                let length = random(content.len() - start + 1);
                content[start..start + length].fill(step as u8);
                let mut part = pointer.slice(start..start + length).unwrap();
                let new = vec![step as u8; length];
                let written = match of_first {
                    true => part.write_slice(first, &new),
                    false => part.write_slice(second, &new),
                };
                assert_eq!(written, Ok(()));
            }
        }
    }
    assert!(counts.iter().all(|count| *count > STEPS / 10), "{counts:?}");
    let mut ranges: Vec<_> = held
        .iter()
        .map(|(pointer, content)| (pointer.address().as_raw(), content.len()))
        .filter(|(_, length)| *length > 0)
        .collect();
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 <= pair[1].0));
    let pid = pid_of(first);
    for (pointer, content) in held {
        assert!(pointer.to_vec(second).unwrap() == content);
        assert!(mem(pid, pointer.address(), content.len()).unwrap() == content);
    }
}

#[test]
fn ten_thousand_steps_over_two_tasks() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        holds_what_was_written(&here, &child, 0x6e65_6172_6661_7221);
        holds_what_was_written(&child, &here.spawn().unwrap(), 0x1d15_ea5e_0001_0001);
    });
}

#[test]
fn ten_thousand_steps_over_two_tasks_of_a_forked_memory() {
    deadline(|| {
        brand!(child_memory);
        let child = Task::here().spawn_with_memory(child_memory).unwrap();
        holds_what_was_written(&child, &child.spawn().unwrap(), 0x0bad_cafe_f00d_0001);
    });
}

#[test]
fn a_pointer_is_displayed_by_the_name_of_its_memory() {
    let text = format!("{:?}", Task::here().malloc::<u64>().unwrap());
    assert!(text.starts_with("Pointer(host_memory:0x") && text.ends_with("8 bytes)"), "{text}");
}

/// Several threads, each with tasks of its own, allocate in the same memory at once.
#[test]
fn threads_allocate_side_by_side() {
    deadline(|| {
        thread::scope(|scope| {
            for seed in 1..4_u64 {
                scope.spawn(move || {
                    let here = Task::here();
                    let child = here.spawn().unwrap();
                    holds_what_was_written(&child, &here, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                });
            }
        });
    });
}

#[test]
fn a_pointer_crosses_threads_and_outlives_the_task_that_made_it() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pointer = child.ptr_slice(b"kept").unwrap();
        drop(child);
        let pointer = thread::spawn(move || {
            assert_eq!(pointer.to_vec(&Task::here()).unwrap(), b"kept");
            pointer
        })
        .join()
        .unwrap();
        assert_eq!(pointer.to_vec(&here.spawn().unwrap()).unwrap(), b"kept");
    });
}

#[test]
fn what_one_task_writes_to_a_shared_file_another_reads() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let file = here.memfd_create("both", MemfdFlags::empty()).unwrap();
        here.ftruncate(&file, PAGE as u64).unwrap();
        let mut mine = here.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
        let mut its = child.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
        assert!(!mine.near().overlaps(&its.near()));
        its.pointer::<u64>(64).unwrap().write(&child, &42).unwrap();
        assert_eq!(mine.pointer::<u64>(64).unwrap().read(&here), Ok(42));
    });
}
