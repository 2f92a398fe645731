//! Waiting in tokio.
//!
//! # Safety
//!
//! 1. What is registered is borrowed: it stays open, and the same, for as long as it is registered.
#![expect(unsafe_code, reason = "tokio has it promised that an fd stays open")]

use std::io;
use std::os::fd::AsFd;
use std::process::ExitStatus;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

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
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            // SAFETY: (1)
            let ended =
                unsafe { AsyncFd::register_with_interest(self.as_fd(), Interest::READABLE) }?;
            // It ends once, so that nothing has to be cleared.
            let _ready = ended.readable().await?;
        }
    }
}
