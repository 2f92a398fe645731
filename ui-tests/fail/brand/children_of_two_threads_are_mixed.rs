//! Two threads that run the same line make two tables, also if they never end.

#![forbid(unsafe_code)]

use std::sync::mpsc::channel;
use std::thread;

use nearfar::prelude::*;

fn main() {
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        for _ in 0..2 {
            let sender = sender.clone();
            scope.spawn(move || {
                brand!(private_fds);
                let child = Task::here().spawn().unwrap();
                let (child, ()) = child.unshare_files(private_fds, ()).unwrap();
                sender.send(child).unwrap();
                loop {
                    thread::park();
                }
            });
        }
        assert!(receiver.recv().is_ok() && receiver.recv().is_ok());
        std::process::exit(0)
    })
}
