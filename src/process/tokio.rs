use std::io;
use std::process::ExitStatus;

use super::Child;

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
    /// Outside of a runtime, or without its I/O driver, as everything of tokio does.
    pub async fn wait_async(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None;
        self.process.ended_async().await?;
        self.wait()
    }
}
