use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::{ExitStatus, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;

use super::output::{CHUNK, cut_unless_over};
use super::spawn::{Group, Unnamed, spawn};
use super::{Child, Command, CutOff, LimitedOutput};

impl Command {
    /// [`output`](Self::output), which waits without blocking the thread: for a task of a tokio runtime that has
    /// its I/O driver enabled.
    ///
    /// The program is started before this returns, as by [`spawn`](Self::spawn). Dropping the future is dropping
    /// the [`Child`]: the program goes on, without anybody who reads what it writes, unless it is
    /// [killed then](Self::kill_on_drop). Needs the feature `tokio`.
    ///
    /// ```
    /// use nearfar::process::Command;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let output = Command::new("echo").arg("text").output_async().await?;
    /// assert_eq!(output.stdout, b"text\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `output`, and if a pipe or the pidfd cannot be registered.
    ///
    /// # Panics
    ///
    /// When it is polled outside of a runtime, or without its I/O driver, as everything of tokio does; for the init
    /// of a pid namespace, and a process that another one traces, also without its time driver.
    pub fn output_async(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        let child = spawn(self, Unnamed::Captured, Group::Inherited);
        async { child?.wait_with_output_async().await }
    }

    /// [`output_within`](Self::output_within), which waits without blocking the thread: for a task of a tokio runtime
    /// that has its I/O and time drivers enabled.
    ///
    /// The program is started before this returns, and the time counts from the first poll. Dropping the future is
    /// dropping the [`Child`], see [`kill_group_on_drop`](Self::kill_group_on_drop). Needs the feature `tokio`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nearfar::process::{Command, CutOff};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo started; sleep 1000 & sleep 1000"]).kill_group_on_drop(true);
    /// let output = command.output_within_async(1000, Duration::from_secs(1)).await?;
    /// assert_eq!(output.cut_off, Some(CutOff::Time));
    /// assert_eq!(output.stdout, b"started\n");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `output_within`, and if a pipe or the pidfd cannot be registered.
    ///
    /// # Panics
    ///
    /// When it is polled outside of a runtime, or without its drivers, as everything of tokio does.
    pub fn output_within_async(
        &mut self,
        size: usize,
        time: Duration,
    ) -> impl Future<Output = io::Result<LimitedOutput>> + use<> {
        let child = spawn(self, Unnamed::Captured, Group::OwnByDefault);
        async move { within(child?, size, time).await }
    }
}

impl Child {
    /// [`wait`](Self::wait), without blocking the thread: for a task of a tokio runtime that has its I/O
    /// driver enabled.
    ///
    /// It can be cancelled: nothing is lost, and the next wait has the answer. Needs the feature `tokio`.
    ///
    /// ```
    /// use nearfar::process::Command;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut child = Command::new("true").spawn()?;
    /// assert!(child.wait_async().await?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `wait`, and if the pidfd cannot be registered.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, or without its I/O driver, as everything of tokio does; for the init of a pid namespace,
    /// and a process that another one traces, also without its time driver.
    pub async fn wait_async(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None;
        if self.exit.is_none() {
            self.exit = Some(self.process.exit_async().await?);
        }
        self.wait()
    }

    /// Waits until it has ended, without blocking the thread and without reaping it: see
    /// [`ChildProcess::ended_async`](crate::ChildProcess::ended_async). Leaves its standard input open. Needs the
    /// feature `tokio`.
    ///
    /// # Errors
    ///
    /// If the pidfd cannot be registered.
    ///
    /// # Panics
    ///
    /// As [`wait_async`](Self::wait_async).
    pub async fn ended_async(&mut self) -> io::Result<()> {
        match self.exit {
            Some(_) => Ok(()),
            None => self.process.ended_async().await,
        }
    }

    /// [`wait_with_output`](Self::wait_with_output), without blocking the thread: for a task of a tokio runtime
    /// that has its I/O driver enabled.
    ///
    /// Reads from both pipes as they fill. Dropping the future drops the child, and what has been read. Needs the
    /// feature `tokio`.
    ///
    /// # Errors
    ///
    /// As `wait_with_output`, and if a pipe or the pidfd cannot be registered.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, or without its I/O driver, as everything of tokio does; for the init of a pid namespace,
    /// and a process that another one traces, also without its time driver.
    pub async fn wait_with_output_async(mut self) -> io::Result<Output> {
        let mut streams = [Stream::default(), Stream::default()];
        match read_both(&mut self, &mut streams, usize::MAX).await {
            Err(Stop::Failed(error)) => return Err(error),
            // There is no more memory than that.
            Ok(()) | Err(Stop::Size) => {}
        }
        let [stdout, stderr] = streams.map(Stream::into_bytes);
        Ok(Output { status: self.wait_async().await?, stdout, stderr })
    }
}

/// What has come out of a pipe, with room for more.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    length: usize,
}

/// Why no more is read.
enum Stop {
    Failed(io::Error),
    /// It is more than was wanted.
    Size,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Failed(error)
    }
}

impl Stream {
    /// Reads up to the end, but no more than what is left to be read of all.
    async fn read(&mut self, pipe: Option<OwnedFd>, left: &AtomicUsize) -> Result<(), Stop> {
        let Some(pipe) = pipe else { return Ok(()) };
        let pipe = Receiver::from_owned_fd(pipe)?;
        loop {
            if self.bytes.len() - self.length < CHUNK {
                self.bytes.resize((2 * self.bytes.len()).max(CHUNK), 0);
            }
            pipe.readable().await?;
            let read = match pipe.try_read(&mut self.bytes[self.length..]) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            // Both streams are read by one task.
            let room = left.load(Ordering::Relaxed);
            self.length += read.min(room);
            left.store(room.saturating_sub(read), Ordering::Relaxed);
            if read > room {
                return Err(Stop::Size);
            }
        }
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.length);
        self.bytes
    }
}

/// Reads both pipes of a program as they fill.
async fn read_both(
    child: &mut Child,
    [stdout, stderr]: &mut [Stream; 2],
    size: usize,
) -> Result<(), Stop> {
    child.stdin = None;
    let left = AtomicUsize::new(size);
    let stdout = stdout.read(child.stdout.take().map(OwnedFd::from), &left);
    let stderr = stderr.read(child.stderr.take().map(OwnedFd::from), &left);
    both(stdout, stderr).await
}

/// As [`within`](super::output::within).
async fn within(mut child: Child, size: usize, time: Duration) -> io::Result<LimitedOutput> {
    let mut streams = [Stream::default(), Stream::default()];
    let all = async {
        read_both(&mut child, &mut streams, size).await?;
        child.ended_async().await.map_err(Stop::Failed)
    };
    let cut_off = match tokio::time::timeout(time, all).await {
        Ok(Ok(())) => Ok(None),
        Ok(Err(Stop::Size)) => Ok(Some(CutOff::Size)),
        Ok(Err(Stop::Failed(error))) => Err(error),
        Err(_elapsed) => Ok(Some(CutOff::Time)),
    };
    let cut_off = cut_unless_over(&child, cut_off)?;
    let status = child.wait_async().await?;
    let [stdout, stderr] = streams.map(Stream::into_bytes);
    Ok(LimitedOutput { status, stdout, stderr, cut_off })
}

/// Waits for both, or the first error.
async fn both<E>(
    first: impl Future<Output = Result<(), E>>,
    second: impl Future<Output = Result<(), E>>,
) -> Result<(), E> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut first_is_over, mut second_is_over) = (false, false);
    poll_fn(|context| {
        first_is_over = first_is_over || is_over(first.as_mut().poll(context))?;
        second_is_over = second_is_over || is_over(second.as_mut().poll(context))?;
        if first_is_over && second_is_over { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}

fn is_over<E>(poll: Poll<Result<(), E>>) -> Result<bool, E> {
    match poll {
        Poll::Ready(result) => result.map(|()| true),
        Poll::Pending => Ok(false),
    }
}
