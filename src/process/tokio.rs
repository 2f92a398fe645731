use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::{ExitStatus, Output};
use std::task::Poll;

use tokio::net::unix::pipe::Receiver;

use super::spawn::{Group, Unnamed, spawn};
use super::{Child, Command};

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
        let child = spawn(self, Unnamed::Captured, Group::AsSaid);
        async { child?.wait_with_output_async().await }
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
    /// [`ChildProcess::ended_async`]. Leaves its standard input open. Needs the feature `tokio`.
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
        self.stdin = None;
        let stdout = read_to_end(self.stdout.take().map(OwnedFd::from));
        let stderr = read_to_end(self.stderr.take().map(OwnedFd::from));
        let (stdout, stderr) = both(stdout, stderr).await?;
        Ok(Output { status: self.wait_async().await?, stdout, stderr })
    }
}

/// How much room there is for a read, at least.
const CHUNK: usize = 64 << 10;

/// What comes out of a pipe before its end.
async fn read_to_end(pipe: Option<OwnedFd>) -> io::Result<Vec<u8>> {
    let Some(pipe) = pipe else { return Ok(Vec::new()) };
    let pipe = Receiver::from_owned_fd(pipe)?;
    let (mut bytes, mut read) = (Vec::new(), 0);
    loop {
        if bytes.len() - read < CHUNK {
            bytes.resize((2 * bytes.len()).max(CHUNK), 0);
        }
        pipe.readable().await?;
        match pipe.try_read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(length) => read += length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// What comes of both, or the first error.
async fn both<T>(
    first: impl Future<Output = io::Result<T>>,
    second: impl Future<Output = io::Result<T>>,
) -> io::Result<(T, T)> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut got = (None, None);
    poll_fn(|context| {
        if got.0.is_none() {
            got.0 = ready(first.as_mut().poll(context))?;
        }
        if got.1.is_none() {
            got.1 = ready(second.as_mut().poll(context))?;
        }
        match (got.0.take(), got.1.take()) {
            (Some(first), Some(second)) => Poll::Ready(Ok((first, second))),
            waiting => {
                got = waiting;
                Poll::Pending
            }
        }
    })
    .await
}

fn ready<T>(poll: Poll<io::Result<T>>) -> io::Result<Option<T>> {
    match poll {
        Poll::Ready(result) => result.map(Some),
        Poll::Pending => Ok(None),
    }
}
