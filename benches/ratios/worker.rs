//! This program once more, as another process: a parent of a certain size, or something that answers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nearfar::prelude::*;

use crate::harness::Spent;
use crate::{instructions, memory, spawn};

pub(crate) const ECHO: &str = "--echo";
pub(crate) const COUNT: &str = "--count";
const WORKER: &str = "--worker";

pub(crate) fn is_asked_for(arguments: &[String]) -> bool {
    let first = arguments.first().map(String::as_str);
    first.is_some_and(|first| [ECHO, COUNT, WORKER].contains(&first))
}

/// What this program does if it is not the one that measures.
pub(crate) fn serve(arguments: &[String]) {
    match arguments[0].as_str() {
        ECHO => echo(),
        COUNT => instructions::run_all(),
        _ => work(),
    }
}

/// Sends back each byte that comes in.
fn echo() {
    let stdin = rustix::stdio::stdin();
    let mut byte = [0];
    while rustix::io::read(stdin, &mut byte).is_ok_and(|length| length == 1) {
        rustix::io::write(stdin, &byte).expect("somebody waits for it");
    }
}

/// Does what it is asked, a line a time.
fn work() {
    let here = Task::here();
    let maximum = here.getrlimit(Resource::Nofile).expect("it may look").maximum;
    let all = Rlimit { current: maximum, maximum };
    here.setrlimit(Resource::Nofile, all).expect("anyone may have the maximum");
    // Before there are pidfds: what is copied of a table, and closed, is to be the same.
    spawn::fds();
    let mut touched = Vec::new();
    let mut living = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("requests are text");
        let (request, argument) = line.split_once(' ').expect("a request has an argument");
        let count: usize = argument.parse().expect("it is a number");
        let [first, second] = match request {
            "touch" => {
                touched.push(memory::touch(count));
                [0.0; 2]
            }
            "live" => {
                living.extend((0..count).map(|_| here.spawn().expect("a child can be made")));
                [0.0; 2]
            }
            "plain" | "private" => memory::per_child(count, request == "private"),
            way => {
                let way = spawn::Way::named(way).expect("it is one of the ways");
                let Spent { wall, cpu } = spawn::spend(way, count as u32);
                [wall, cpu]
            }
        };
        println!("{first} {second}");
    }
}

/// Another process that does what it is asked.
pub(crate) struct Worker {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn new() -> Self {
        let itself = std::env::current_exe().expect("/proc is mounted");
        let mut process = Command::new(itself)
            .arg(WORKER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        Worker { process, requests, answers }
    }

    /// Asks for something, and waits for the answer: two numbers.
    pub(crate) fn ask(&mut self, request: &str, argument: usize) -> [f64; 2] {
        let mut requests = self.requests.as_ref().expect("it is there until it is dropped");
        writeln!(requests, "{request} {argument}").expect("the worker listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the worker answers");
        let (first, second) = answer.trim().split_once(' ').expect("it answers with two numbers");
        [first, second].map(|number| number.parse().expect("it is a number"))
    }

    /// What so many spawns took it.
    pub(crate) fn spawn(&mut self, way: spawn::Way, count: u32) -> Spent {
        let [wall, cpu] = self.ask(way.name(), count as usize);
        Spent { wall, cpu }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.requests.take());
        self.process.wait().expect("it is this process's child");
    }
}
