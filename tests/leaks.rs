//! A thousand rounds leave nothing behind. One test alone in its process, as it counts.

mod common;

use std::fs;

use common::{deadline, fds, threads, until, zombies};
use nearfar::prelude::*;

/// Open fds, mappings, threads.
fn held() -> (usize, usize, usize) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    (fds(std::process::id()).len(), maps, threads().len())
}

fn rounds(count: usize) {
    let here = Task::here();
    let (program, missing) = (Program::new("/bin/true"), Program::new("/nowhere"));
    for round in 0..count {
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds, child_memory, forked_fds);
        if round % 5 == 0 {
            let (child, writer) = here.fork(child_memory, forked_fds, writer).unwrap();
            if round % 2 == 0 {
                drop((child.spawn().unwrap(), writer, child));
            } else {
                assert!(child.program(&program).exec().unwrap().wait().unwrap().success());
            }
            assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
            continue;
        }
        let (child, writer) = here.spawn_with_files(private_fds, writer).unwrap();
        match round % 4 {
            // A driven child and a grandchild that are dropped, in either order.
            0 => drop((child.spawn().unwrap(), writer, child)),
            // A program that is not there.
            1 => drop(child.program(&missing).fd(1, &writer).exec().unwrap_err()),
            // A program; the fds outlive the task.
            _ => {
                let process = child.program(&program).fd(1, &writer).exec().unwrap();
                assert!(process.wait().unwrap().success());
            }
        }
        assert_eq!(here.read(&reader, &mut [0; 1]).unwrap(), 0);
    }
}

#[test]
fn a_thousand_rounds_leave_no_fd_mapping_thread_or_zombie() {
    deadline(|| {
        // What is kept for the next time is there after a few.
        rounds(40);
        until("the warm-up's threads are gone", || held().2 <= 3);
        let before = held();
        rounds(1000);
        until("the threads are gone", || held().2 <= before.2);
        let after = held();
        assert_eq!((after.0, after.2), (before.0, before.2));
        // The allocator may have grown the heap by a mapping or two; a leak would be hundreds.
        assert!(after.1 <= before.1 + 4, "{} mappings, {} before", after.1, before.1);
        assert_eq!(zombies(), []);
    });
}
