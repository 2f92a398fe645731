use std::io;
use std::os::fd::OwnedFd;
use std::process::{ChildStderr, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::Child;
use crate::interface::poll_until;

/// What a program has written before it ended, or had to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitedOutput {
    /// How it ended: of `SIGKILL`, most likely, if it was cut off.
    pub status: ExitStatus,
    /// What it wrote to its standard output, as far as it is within the limit.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, as far as it is within the limit.
    pub stderr: Vec<u8>,
    /// The limit at which its process group was killed, if one was reached.
    pub cut_off: Option<CutOff>,
}

/// Why a program was not allowed to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// It wrote more than was wanted.
    Size,
    /// It, or somebody that has its pipes, took longer than was wanted.
    Time,
}

/// How much room there is for a read, at least.
pub(super) const CHUNK: usize = 64 << 10;

/// The two pipes of a program, and what has come out of them.
struct Streams {
    pipes: [Option<OwnedFd>; 2],
    bytes: [Vec<u8>; 2],
    size: usize,
    deadline: Option<Instant>,
}

/// Reads both to their ends, as they fill.
pub(super) fn read_all(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut streams = Streams::new(stdout, stderr, usize::MAX, None);
    let _never = streams.read()?;
    let [stdout, stderr] = streams.bytes;
    Ok((stdout, stderr))
}

/// Reads both to their ends and waits for the program, or kills its group at a limit.
pub(super) fn within(mut child: Child, size: usize, time: Duration) -> io::Result<LimitedOutput> {
    child.stdin = None;
    // A limit beyond what the clock can tell is none.
    let deadline = Instant::now().checked_add(time);
    let mut streams = Streams::new(child.stdout.take(), child.stderr.take(), size, deadline);
    let cut_off = streams.read().and_then(|cut_off| {
        if cut_off.is_some() {
            return Ok(cut_off);
        }
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let left = deadline.map_or(Duration::MAX, left);
        Ok(child.wait_timeout(left)?.is_none().then_some(CutOff::Time))
    });
    let cut_off = cut_unless_over(&child, cut_off)?;
    let status = child.wait()?;
    let [stdout, stderr] = streams.bytes;
    Ok(LimitedOutput { status, stdout, stderr, cut_off })
}

/// Kills a program's group at a limit, and after an error.
pub(super) fn cut_unless_over(
    child: &Child,
    cut_off: io::Result<Option<CutOff>>,
) -> io::Result<Option<CutOff>> {
    if matches!(cut_off, Ok(None)) {
        return cut_off;
    }
    let killed = child.process.process().kill_with_group();
    let cut_off = cut_off?;
    match killed {
        // Somebody else has reaped it, as the kernel does where `SIGCHLD` is ignored: then it had ended.
        Err(error) if error.errno() == Some(Errno::SRCH) => {}
        killed => killed?,
    }
    Ok(cut_off)
}

impl Streams {
    fn new(
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        size: usize,
        deadline: Option<Instant>,
    ) -> Self {
        let pipes = [stdout.map(OwnedFd::from), stderr.map(OwnedFd::from)];
        Streams { pipes, bytes: [Vec::new(), Vec::new()], size, deadline }
    }

    /// Reads until both pipes are at their ends, or up to a limit.
    fn read(&mut self) -> io::Result<Option<CutOff>> {
        while self.pipes.iter().any(Option::is_some) {
            let Some(ready) = self.poll()? else { return Ok(Some(CutOff::Time)) };
            for index in (0..ready.len()).filter(|index| ready[*index]) {
                if let Some(cut_off) = self.read_one(index)? {
                    return Ok(Some(cut_off));
                }
            }
        }
        Ok(None)
    }

    /// Waits until there is something to read, or an end. `None` at the deadline.
    fn poll(&self) -> io::Result<Option<[bool; 2]>> {
        let open =
            || self.pipes.iter().enumerate().filter_map(|(i, pipe)| Some((i, pipe.as_ref()?)));
        let mut fds: Vec<_> = open().map(|(_, pipe)| PollFd::new(pipe, PollFlags::IN)).collect();
        if poll_until(&mut fds, self.deadline)? == 0 {
            return Ok(None);
        }
        let mut ready = [false; 2];
        for ((index, _), fd) in open().zip(&fds) {
            ready[index] = !fd.revents().is_empty();
        }
        Ok(Some(ready))
    }

    /// Reads what is there from one pipe, and closes it at its end.
    fn read_one(&mut self, index: usize) -> io::Result<Option<CutOff>> {
        let Some(pipe) = &self.pipes[index] else { return Ok(None) };
        let room = self.size.saturating_sub(self.bytes.iter().map(Vec::len).sum());
        let bytes = &mut self.bytes[index];
        bytes.reserve(CHUNK);
        let before = bytes.len();
        let read = match rustix::io::read(pipe, spare_capacity(bytes)) {
            Err(Errno::INTR) => return Ok(None),
            read => read?,
        };
        if read == 0 {
            self.pipes[index] = None;
        }
        if read > room {
            bytes.truncate(before + room);
            return Ok(Some(CutOff::Size));
        }
        Ok(None)
    }
}
