//! The example that keeps programs running: what it starts, what it starts again, and what is left.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{ChildStdout, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use common::{
    Resource, Scratch, fds, is_dead, is_gone, namespace, numbers, own_namespace, same_open_file,
    share, stat, state, status, until, until_blocked_in,
};
use nearfar::prelude::*;
use nearfar::process::{Child, Command, Stdio};
use nearfar::rustix;
use nearfar::rustix::process::{Pid, kill_process};

/// Builds the example, and says where it is.
fn supervisor() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let mut build = std::process::Command::new(cargo);
        build.args(["build", "--features", "tokio", "--example", "supervisor"]);
        let built = build.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let test = std::env::current_exe().expect("this program is a file");
        test.ancestors().nth(2).expect("it is in deps").join("examples/supervisor")
    });
    Command::new(program)
}

/// Building it is not what has to be done in time.
fn deadline(test: impl FnOnce()) {
    let _built = supervisor();
    common::deadline(test);
}

/// A supervisor that runs, with what it and its programs have printed so far.
struct Running {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
    /// In the environment of everything that it starts.
    mark: String,
    directory: Scratch,
}

impl Running {
    /// One that does what `file` says, in which `DIR` is an empty directory.
    fn new(file: &str) -> Self {
        let directory = Scratch::new();
        let path = directory.join("file.toml");
        let place = directory.join("");
        fs::write(&path, file.replace("DIR/", place.to_str().unwrap())).unwrap();
        let mark = format!("NEARFAR_MARK={}", path.display());
        let mut command = supervisor();
        command.arg(path.to_str().unwrap()).stdout(Stdio::piped());
        command.env("NEARFAR_MARK", &path);
        // Whatever becomes of the test.
        command.kill_on_drop(true).parent_death_signal(Signal::KILL);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, output, seen: Vec::new(), mark, directory }
    }

    /// What follows `start` in the line that is the `n`th to begin with it, counted from 0.
    fn nth(&mut self, start: &str, n: usize) -> String {
        loop {
            let mut found = self.seen.iter().filter_map(|line| line.strip_prefix(start));
            if let Some(rest) = found.nth(n) {
                return rest.to_owned();
            }
            let line = self.output.next();
            let line = line.unwrap_or_else(|| panic!("no {start:?} in {:#?}", self.seen));
            self.seen.push(line.unwrap());
        }
    }

    /// The `n`th process of a program.
    fn pid(&mut self, name: &str, n: usize) -> i32 {
        self.nth(&format!("{name}: runs as "), n).parse().unwrap()
    }

    fn signal(&mut self, signal: Signal) {
        self.child.send_signal(signal).unwrap();
    }

    /// Reads to the end of the output, and waits: everybody who was started is gone by then.
    fn end(&mut self) -> ExitStatus {
        self.seen.extend(self.output.by_ref().map(Result::unwrap));
        let status = self.child.wait().unwrap();
        assert!(self.has_left_only(&[]), "{:#?}", self.seen);
        status
    }

    /// Whether of everybody who was started these are left, and not even a zombie of the others.
    fn has_left_only(&self, these: &[i32]) -> bool {
        let started = self.seen.iter().filter_map(|line| line.split_once(": runs as "));
        let mut started = started.map(|(_, pid)| pid.parse::<i32>().unwrap());
        started.all(|pid| is_gone(pid) || these.contains(&pid)) && self.marked() == these
    }

    /// The processes that have its mark.
    fn marked(&self) -> Vec<i32> {
        let processes = fs::read_dir("/proc").unwrap();
        let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let is_marked = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes())
        };
        pids.filter(is_marked).collect()
    }

    /// The children that it has.
    fn children(&self) -> Vec<i32> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let lists = threads.map(|thread| {
            fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default()
        });
        let lists: Vec<String> = lists.collect();
        let pids = lists.iter().flat_map(|list| list.split_whitespace());
        pids.map(|pid| pid.parse().unwrap()).collect()
    }

    /// Whether one of its children waits to become a program: it has its memory, but not its fds.
    fn has_prepared(&self) -> bool {
        let has = |what, child| share(what, self.child.id(), child);
        let mut children = self.children().into_iter().filter(|child| !is_dead(*child));
        children.any(|child| has(Resource::Memory, child) && !has(Resource::Files, child))
    }
}

impl Drop for Running {
    /// A test that fails leaves nobody either.
    fn drop(&mut self) {
        let _ended = self.child.kill();
        for pid in self.marked() {
            let _gone = kill(pid);
        }
    }
}

fn kill(pid: i32) -> rustix::io::Result<()> {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL)
}

#[test]
fn all_start_with_what_the_file_says() {
    deadline(|| {
        let mut running = Running::new(
            r#"
            [plain]
            command = ["sh", "-c", "echo plain is there; exec sleep 100"]
            [private]
            command = ["sh", "-c", "set /proc/[0-9]*; echo $# $$; ls -A /tmp; exec sleep 100"]
            log = "DIR/log"
            private_pids = true
            private_mounts = true
            private_network = true
            grace_ms = 100
            [socket]
            command = ["sh", "-c", "echo $LISTEN_FDS $LISTEN_PID is $$; exec sleep 100"]
            listen = "127.0.0.1:0"
            log = "DIR/socket"
            private_pids = true
            grace_ms = 100
            "#,
        );
        let [plain, private, socket] =
            ["plain", "private", "socket"].map(|name| running.pid(name, 0));
        running.nth("plain is there", 0);
        for pid in [plain, private, socket] {
            until_blocked_in(pid, libc::SYS_clock_nanosleep);
        }
        for (pid, is_private) in [(plain, [false; 3]), (private, [true; 3])] {
            for (kind, is_private) in ["pid", "mnt", "net"].into_iter().zip(is_private) {
                assert_eq!(namespace(pid, kind) != own_namespace(kind), is_private, "{kind}");
            }
        }
        for pid in [plain, private, socket] {
            assert_eq!(stat(pid, 4), i64::from(running.child.id()), "whose child it is");
            assert_eq!(stat(pid, 5), i64::from(pid), "the group that it leads");
            assert_eq!(status(pid, "SigBlk"), "0000000000000000");
            assert_eq!(fds(pid)[&0], PathBuf::from("/dev/null"));
        }
        let log = running.directory.join("log");
        // It alone is in /proc, and nothing in /tmp.
        assert_eq!(fs::read_to_string(&log).unwrap(), "1 1\n");
        assert_eq!(fds(private)[&1], log);
        assert_eq!(fds(private)[&2], log);
        assert_eq!([plain, private].map(numbers), [[0, 1, 2], [0, 1, 2]]);

        let said = running.directory.join("socket");
        assert_eq!(fs::read_to_string(said).unwrap(), "1 1 is 1\n");
        assert_eq!(numbers(socket), [0, 1, 2, 3]);
        let supervisor = running.child.id();
        let mut own = numbers(supervisor).into_iter();
        assert!(own.any(|fd| same_open_file((supervisor, fd), (socket as u32, 3))));
        let inode = fds(socket)[&3].display().to_string().replace("socket:", "");
        let listens = || {
            let table = fs::read_to_string("/proc/net/tcp").unwrap();
            let mut fields = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            fields.any(|line| line[3] == "0A" && line[9] == inode.trim_matches(['[', ']']))
        };
        assert!(listens());
        // It is the same one for the next.
        kill(socket).unwrap();
        running.nth("socket: again in ", 0);
        assert!(listens());
        let next = running.pid("socket", 1);
        assert_eq!(fds(next)[&3].display().to_string(), format!("socket:{inode}"));

        running.signal(Signal::TERM);
        assert!(running.end().success());
        assert!(!listens());
    });
}

#[test]
fn who_crashes_is_started_again_later_each_time() {
    deadline(|| {
        let mut running = Running::new(
            r#"
            [crash]
            command = ["sh", "-c", "read up rest < /proc/uptime; echo up $up; exit 7"]
            "#,
        );
        let mut start = |n| running.nth("up ", n).parse::<f64>().unwrap();
        let starts: Vec<f64> = (0..5).map(&mut start).collect();
        for (n, pair) in starts.windows(2).enumerate() {
            let delay = 0.1 * f64::from(1 << n);
            // The kernel tells hundredths.
            assert!(pair[1] - pair[0] >= delay - 0.015, "{starts:?}");
        }
        for (n, delay) in ["100ms", "200ms", "400ms", "800ms"].into_iter().enumerate() {
            assert_eq!(running.nth("crash: exit status: ", n), "7");
            assert_eq!(running.nth("crash: again in ", n), delay);
        }
        running.signal(Signal::INT);
        assert!(running.end().success());
    });
}

#[test]
fn starting_again_leaves_no_fd_and_no_zombie() {
    deadline(|| {
        let mut running = Running::new(
            r#"
            [victim]
            command = ["sleep", "100"]
            log = "DIR/log"
            listen = "127.0.0.1:0"
            private_pids = true
            private_mounts = true
            dies_with_supervisor = true
            grace_ms = 100
            "#,
        );
        let supervisor = running.child.id();
        let mut before = None;
        for n in 0..4 {
            let pid = running.pid("victim", n);
            // What has become of its thread is only seen a moment later.
            until("one child", || running.children() == [pid]);
            let now = numbers(supervisor);
            assert_eq!(*before.get_or_insert_with(|| now.clone()), now);
            kill(pid).unwrap();
            assert_eq!(running.nth("victim: signal: ", n), "9 (SIGKILL)");
            assert!(is_gone(pid));
        }
        running.signal(Signal::TERM);
        assert!(running.end().success());
    });
}

#[test]
fn who_is_done_is_not_started_again() {
    deadline(|| {
        let mut running = Running::new(
            r#"
            [once]
            command = ["true"]
            [again]
            command = ["true"]
            always = true
            "#,
        );
        running.pid("again", 3);
        assert_eq!(running.nth("once: exit status: ", 0), "0");
        running.signal(Signal::INT);
        assert!(running.end().success());
        assert_eq!(running.seen.iter().filter(|line| line.starts_with("once: ")).count(), 2);

        // When all are done, there is nothing left to do.
        let mut running = Running::new("[one]\ncommand = ['true']\n[two]\ncommand = ['true']");
        assert!(running.end().success());
        assert_eq!(running.seen.len(), 4);
    });
}

/// Four that are hard to stop, each in its way, and one that waits for its turn.
const STUBBORN: &str = r#"
    [polite]
    command = ["sh", "-c", "trap 'exit 3' TERM; sleep 100 & echo polite $!; wait"]
    grace_ms = 50000
    [deaf]
    command = ["sh", "-c", "trap '' TERM; sleep 100 & echo deaf $!; wait"]
    grace_ms = 500
    [init]
    command = ["sh", "-c", "setsid sleep 100 & echo init; wait"]
    private_pids = true
    grace_ms = 500
    [stopped]
    command = ["sh", "-c", "echo stopped; kill -STOP $$"]
    grace_ms = 500
    [crash]
    command = ["false"]
"#;

#[test]
fn a_signal_stops_everything() {
    for signal in [Signal::INT, Signal::TERM] {
        deadline(|| {
            let mut running = Running::new(STUBBORN);
            let background =
                ["polite ", "deaf "].map(|name| running.nth(name, 0).parse::<i32>().unwrap());
            running.nth("init", 0);
            let stopped = running.pid("stopped", 0);
            until("stopped", || state(stopped) == Some('T'));
            running.nth("crash: again in 400ms", 0);

            let start = Instant::now();
            running.signal(signal);
            let status = running.end();
            let duration = start.elapsed();
            assert!(status.success());
            assert!(duration >= Duration::from_millis(500), "{duration:?}");
            assert!(duration < Duration::from_secs(20), "{duration:?}");
            assert_eq!(running.nth("polite: ", 1), "exit status: 3");
            for name in ["deaf: ", "init: ", "stopped: "] {
                assert_eq!(running.nth(name, 1), "signal: 9 (SIGKILL)");
            }
            until("nobody is left of their groups", || background.into_iter().all(is_gone));
        });
    }
}

#[test]
fn what_a_program_leaves_in_its_group_ends_with_it() {
    deadline(|| {
        let mut running = Running::new(
            r#"
            [leaves]
            command = ["sh", "-c", "sleep 100 > /dev/null & echo left $!"]
            "#,
        );
        let left: i32 = running.nth("left ", 0).parse().unwrap();
        running.nth("leaves: exit status: 0", 0);
        until("it is gone", || is_gone(left));
        assert!(running.end().success());
    });
}

#[test]
fn a_killed_supervisor_leaves_only_who_did_not_ask() {
    deadline(|| {
        let mut running = Running::new(
            r#"
            [bound]
            command = ["sleep", "100"]
            dies_with_supervisor = true
            [inner]
            command = ["sh", "-c", "setsid sleep 100 & echo inner; wait"]
            dies_with_supervisor = true
            private_pids = true
            [free]
            command = ["sleep", "100"]
            [crash]
            command = ["false"]
            "#,
        );
        let free = running.pid("free", 0);
        running.nth("inner", 0);
        running.nth("crash: again in 1.6s", 0);
        until("one waits for its turn", || running.has_prepared());
        running.signal(Signal::KILL);
        let status = running.child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL));
        until("the others are gone", || running.has_left_only(&[free]));
        kill(free).unwrap();
        until("it is gone", || is_gone(free));
        running.end();
    });
}

#[test]
fn with_a_mistake_in_the_file_nothing_starts() {
    deadline(|| {
        let mistakes = [
            ("log = '/no/such/directory/log'", "wrong: openat: No such file or directory"),
            ("command = []", "wrong: no command"),
            ("listen = '192.0.2.1:1'", "wrong: Cannot assign requested address"),
            ("colour = 'red'", "unknown field `colour`"),
        ];
        let scratch = Scratch::new();
        let path = scratch.join("file.toml");
        for (mistake, message) in mistakes {
            let command = if mistake.starts_with("command") { "" } else { "command = ['true']\n" };
            let file = format!("[good]\ncommand = ['echo', 'x']\n[wrong]\n{command}{mistake}");
            fs::write(&path, file).unwrap();
            let output = supervisor().arg(&path).output().unwrap();
            assert_eq!((output.status.code(), output.stdout), (Some(1), vec![]));
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(errors.starts_with("supervisor: ") && errors.contains(message), "{errors}");
        }
        let output = supervisor().output().unwrap();
        assert_eq!(output.stderr, b"usage: supervisor FILE\n");
    });
}

#[test]
fn a_program_that_is_not_there_is_tried_again() {
    deadline(|| {
        let mut running = Running::new("[absent]\ncommand = ['/no/such/program']");
        for n in 0..3 {
            let error = running.nth("absent: execve: ", n);
            assert!(error.starts_with("No such file or directory"), "{error}");
            running.nth("absent: again in ", n);
        }
        running.signal(Signal::INT);
        assert!(running.end().success());
    });
}
