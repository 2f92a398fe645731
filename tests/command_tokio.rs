//! A child and its pipes in an async program: what they give is enough, and nothing blocks.

mod common;

use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use common::{LIMIT, another_host, deadline, is_dead, is_gone, state, status, until};
use nearfar::prelude::*;
use nearfar::process::{Child, Command, CutOff, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::time::timeout;

/// Waits for the end without blocking the thread.
async fn ended(mut child: Child) -> io::Result<ExitStatus> {
    child.wait_async().await
}

/// What comes of it, which is soon.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("it should not hang")
}

/// It sees the end first: until then, there is nothing to wait for.
#[test]
fn a_tracer_that_is_slow_to_look_keeps_nobody_but_who_waits() {
    deadline(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let child = Command::new("sleep").arg("1000").spawn().unwrap();
            let id = child.id();
            let mut tracer = another_host("a_tracer_that_looks_when_told");
            let tracer = tracer.env("TRACED", id.to_string());
            tracer.stdin(std::process::Stdio::piped());
            let mut tracer = tracer.stdout(std::process::Stdio::null()).spawn().unwrap();
            until("traced", || status(id, "TracerPid") != "0");
            child.kill().unwrap();
            let end = tokio::spawn(ended(child));
            until("ended", || state(id) == Some('Z'));
            // The one thread there is does other things meanwhile.
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                assert!(!end.is_finished());
            }
            drop(tracer.stdin.take());
            assert_eq!(in_time(end).await.unwrap().unwrap().signal(), Some(9));
            assert!(tracer.wait().unwrap().success());
        });
    });
}

#[test]
#[ignore = "traces a child of the test above"]
#[allow(unsafe_code, reason = "traces")]
fn a_tracer_that_looks_when_told() {
    let traced: i32 = std::env::var("TRACED").unwrap().parse().unwrap();
    // SAFETY: passes no pointer that is read.
    assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SEIZE, traced, 0, 0) }, 0);
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    // SAFETY: a null pointer is not written to.
    assert_eq!(unsafe { libc::waitpid(traced, std::ptr::null_mut(), 0) }, traced);
}

#[tokio::test]
async fn a_child_is_awaited() {
    let mut command = Command::new("cat");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (id, stdin) = (child.id(), child.stdin.take());
    let end = tokio::spawn(ended(child));
    // The one thread there is does other things meanwhile.
    tokio::task::yield_now().await;
    assert!(!end.is_finished());
    drop(stdin);
    assert!(in_time(end).await.unwrap().unwrap().success());
    assert!(is_gone(id));
}

#[tokio::test]
async fn the_end_of_an_init_is_awaited_whatever_else_was_in_its_namespace() {
    let here = Task::here();
    brand!(joined_pids);
    let mut sleep = Command::new("sleep");
    let container = sleep.arg("1000").unshare_pid().spawn().unwrap().into_process();
    let container = container.kill_on_drop(true);
    let task = here.spawn().unwrap().setns_pid(joined_pids, &container).unwrap();
    let program = Program::new("sleep").arg("1000");
    let inside = task.spawn().unwrap().program(&program).exec().unwrap();
    container.kill().unwrap();
    let exit = in_time(container.wait_async()).await.unwrap();
    assert_eq!(exit.signal(), Some(libc::SIGKILL));
    assert_eq!(inside.wait().unwrap().signal(), Some(libc::SIGKILL));
}

#[tokio::test]
async fn many_are_awaited_at_once() {
    let mut ends = Vec::new();
    for code in 0..10 {
        let mut command = Command::new("sh");
        let child = command.arg("-c").arg(format!("exit {code}")).spawn().unwrap();
        ends.push((code, tokio::spawn(ended(child))));
    }
    for (code, end) in ends {
        assert_eq!(in_time(end).await.unwrap().unwrap().code(), Some(code));
    }
}

#[tokio::test]
async fn one_is_killed_that_takes_too_long() {
    let child = Command::new("sleep").arg("1000").spawn().unwrap();
    let killer = child.killer();
    let mut end = Box::pin(ended(child));
    let early = timeout(std::time::Duration::from_millis(10), &mut end).await;
    assert!(early.is_err());
    killer.kill().unwrap();
    assert_eq!(in_time(end).await.unwrap().signal(), Some(libc::SIGKILL));
}

#[tokio::test]
async fn a_wait_that_is_cancelled_is_done_again() {
    let mut command = Command::new("cat");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    for _ in 0..3 {
        timeout(std::time::Duration::from_millis(1), child.wait_async()).await.unwrap_err();
    }
    drop(stdin);
    assert!(in_time(child.wait_async()).await.unwrap().success());
    assert!(in_time(child.wait_async()).await.unwrap().success());
}

#[tokio::test]
async fn who_has_ended_is_not_reaped_before_the_wait() {
    let cat = Program::new("cat");
    let (input, ours) = Task::here().pipe2(PipeFlags::empty()).unwrap();
    let mut process = Task::here().spawn().unwrap().program(&cat).fd(0, &input).exec().unwrap();
    for _ in 0..3 {
        timeout(std::time::Duration::from_millis(1), process.ended_async()).await.unwrap_err();
    }
    drop((input, ours));
    for _ in 0..2 {
        in_time(process.ended_async()).await.unwrap();
        assert_eq!(state(process.id()), Some('Z'));
    }
    let id = process.id();
    assert!(process.wait().unwrap().success());
    assert!(is_gone(id));
}

#[tokio::test]
async fn a_process_is_awaited_and_reaped() {
    let (input, ours) = Task::here().pipe2(PipeFlags::empty()).unwrap();
    let cat = Program::new("cat");
    let process = Task::here().spawn().unwrap().program(&cat).fd(0, &input).exec().unwrap();
    let id = process.id();
    let end = tokio::spawn(process.wait_async());
    tokio::task::yield_now().await;
    assert!(!end.is_finished());
    drop((input, ours));
    assert_eq!(in_time(end).await.unwrap().unwrap().code(), Some(0));
    assert!(is_gone(id));
}

#[tokio::test]
async fn output_of_both_pipes_is_read_as_they_fill() {
    const SIZE: usize = 1 << 20;
    let mut command = Command::new("sh");
    command.args(["-c", "head -c 1048576 /dev/zero | tee /dev/stderr; cat >&2; exit 7"]);
    for stdin in [Stdio::null(), Stdio::piped()] {
        let output = in_time(command.stdin(stdin).output_async()).await.unwrap();
        assert_eq!(output.status.code(), Some(7));
        for bytes in [output.stdout, output.stderr] {
            assert!(bytes.len() == SIZE && bytes.iter().all(|byte| *byte == 0));
        }
    }
    // What is not a pipe of ours is not read, and not waited for.
    let output = command.stdout(Stdio::null()).stderr(Stdio::null()).output_async();
    let output = in_time(output).await.unwrap();
    assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
    let error = Command::new("/nowhere").output_async().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn others_go_on_while_output_is_awaited() {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = pipe::Sender::from_owned_fd(child.stdin.take().unwrap().into()).unwrap();
    let output = tokio::spawn(child.wait_with_output_async());
    for piece in ["one ", "two ", "three"] {
        stdin.write_all(piece.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        assert!(!output.is_finished());
    }
    drop(stdin);
    assert_eq!(in_time(output).await.unwrap().unwrap().stdout, b"one two three");
}

#[tokio::test]
async fn output_that_nobody_awaits_any_more_has_no_reader() {
    // It says that it is there, and who it is.
    let (input, ours) = Task::here().pipe2(PipeFlags::empty()).unwrap();
    let mut writes = sh("echo $$ >&9; exec yes");
    let output = Box::pin(writes.fd(9, std::os::fd::OwnedFd::from(ours)).output_async());
    drop(writes);
    let mut told = [0; 16];
    let length = Task::here().read(&input, &mut told).unwrap();
    let id = std::str::from_utf8(&told[..length]).unwrap().trim().parse::<u32>().unwrap();
    timeout(std::time::Duration::from_millis(5), output).await.unwrap_err();
    until("ended by SIGPIPE", || state(id) == Some('Z') || is_gone(id));

    let mut sleeps = sh("echo $$ >&9; exec sleep 1000");
    let (input, ours) = Task::here().pipe2(PipeFlags::empty()).unwrap();
    sleeps.fd(9, std::os::fd::OwnedFd::from(ours)).kill_on_drop(true);
    let output = Box::pin(sleeps.output_async());
    let length = Task::here().read(&input, &mut told).unwrap();
    let id = std::str::from_utf8(&told[..length]).unwrap().trim().parse::<u32>().unwrap();
    assert!(!is_gone(id));
    // It was started without being polled, and is killed without having been.
    drop(output);
    assert!(is_gone(id));
}

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[tokio::test]
async fn output_has_its_limits() {
    const SHORT: Duration = Duration::from_secs(1);
    let within = async |script: &str, size, time| {
        in_time(sh(script).output_within_async(size, time)).await.unwrap()
    };
    let exact = within("printf 1234; printf 56 >&2", 6, LIMIT).await;
    assert_eq!((exact.cut_off, exact.status.code()), (None, Some(0)));
    assert_eq!((&exact.stdout[..], &exact.stderr[..]), (&b"1234"[..], &b"56"[..]));
    assert_eq!(within(":", 0, Duration::MAX).await.cut_off, None);

    let long = within("printf 1234; exec sleep 1000", 3, LIMIT).await;
    assert_eq!((long.cut_off, &long.stdout[..]), (Some(CutOff::Size), &b"123"[..]));
    assert_eq!(long.status.signal(), Some(libc::SIGKILL));
    let both = within("printf 12; printf 345 >&2; exec sleep 1000", 4, LIMIT).await;
    assert_eq!((both.cut_off, both.stdout.len() + both.stderr.len()), (Some(CutOff::Size), 4));
    let much = within("exec yes", 1 << 20, LIMIT).await;
    assert_eq!((much.cut_off, much.stdout.len()), (Some(CutOff::Size), 1 << 20));
    assert!(much.stdout.chunks(2).all(|line| line == b"y\n"));

    let slow = within("echo early; exec sleep 1000", 100, SHORT).await;
    assert_eq!((slow.cut_off, &slow.stdout[..]), (Some(CutOff::Time), &b"early\n"[..]));
    let closed = within("exec sleep 1000 >&- 2>&-", 100, SHORT).await;
    assert_eq!((closed.cut_off, closed.status.signal()), (Some(CutOff::Time), Some(libc::SIGKILL)));
    // Who has the pipe is killed with it.
    let orphan = within("sleep 1000 & echo $!; exit 3", 100, SHORT).await;
    assert_eq!((orphan.cut_off, orphan.status.code()), (Some(CutOff::Time), Some(3)));
    let sleep: u32 = std::str::from_utf8(&orphan.stdout).unwrap().trim().parse().unwrap();
    until("killed", || is_dead(sleep));
}

#[tokio::test]
async fn what_is_not_waited_for_any_more_ends_with_its_group() {
    let (input, ours) = Task::here().pipe2(PipeFlags::empty()).unwrap();
    let mut command = sh("sleep 1000 & echo started >&9; sleep 1000");
    command.fd(9, std::os::fd::OwnedFd::from(ours)).kill_group_on_drop(true);
    let output = Box::pin(command.output_within_async(100, LIMIT));
    drop(command);
    timeout(Duration::from_millis(5), output).await.unwrap_err();
    // Up to its end: nobody has it any more.
    let text = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        Task::here().io(input).read_to_string(&mut text).map(|_| text)
    });
    let text = in_time(text).await.unwrap().unwrap();
    assert!(["", "started\n"].contains(&&*text), "{text}");
}

#[tokio::test]
async fn pipes_become_tokios() {
    const SIZE: usize = 1 << 20;
    let mut command = Command::new("tee");
    command.arg("/dev/stderr").stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut stdin = pipe::Sender::from_owned_fd(stdin.into()).unwrap();
    let mut stdout = tokio::process::ChildStdout::from_std(child.stdout.take().unwrap()).unwrap();
    let stderr = child.stderr.take().unwrap();
    let mut stderr = pipe::Receiver::from_owned_fd(stderr.into()).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let write = async {
        stdin.write_all(&vec![b'x'; SIZE]).await.unwrap();
        drop(stdin);
    };
    let read =
        async { tokio::join!(stdout.read_to_end(&mut first), stderr.read_to_end(&mut second)) };
    let (_, read, status) = in_time(async { tokio::join!(write, read, ended(child)) }).await;
    assert_eq!((read.0.unwrap(), read.1.unwrap()), (SIZE, SIZE));
    assert!(status.unwrap().success());
    assert!(first.iter().chain(&second).all(|byte| *byte == b'x'));
}
