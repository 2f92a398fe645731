//! Signals that hit tasks while they are driven.

mod common;

use std::thread;

use common::{deadline, is_dead};
use nearfar::prelude::*;

#[test]
fn a_group_signal_does_not_end_a_driven_task() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pidfd = here.pidfd_open(child.pid()).unwrap();
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::TSTP] {
            here.pidfd_send_signal(&pidfd, signal).unwrap();
        }
        assert_eq!(child.getpid().unwrap(), child.pid());
        // They take effect where the program begins.
        let error = child.program(&Program::new("sleep").arg("1000")).exec().unwrap_err();
        assert_eq!(error.to_string(), "execve: the task died before it became the program");
    });
}

#[test]
fn a_stopped_task_answers_when_it_is_continued() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid();
        let pidfd = here.pidfd_open(pid).unwrap();
        common::stop(pid);
        thread::scope(|scope| {
            let asked = scope.spawn(move || child.getpid().unwrap());
            assert!(!asked.is_finished());
            here.pidfd_send_signal(&pidfd, Signal::CONT).unwrap();
            assert_eq!(asked.join().unwrap(), pid);
        });
        assert!(is_dead(pid), "dropped by the thread that drove it");
    });
}

#[test]
fn a_broken_pipe_is_an_error_of_the_call() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        drop(reader);
        let error = child.write(&writer, b"x").unwrap_err();
        assert_eq!(error.errno(), Some(rustix::io::Errno::PIPE));
        // And does not end the program either that the task becomes later.
        let process = child.program(&Program::new("true")).exec().unwrap();
        assert!(process.wait().unwrap().success());
    });
}
