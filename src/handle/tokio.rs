//! Waiting in tokio.
//!
//! # Safety
//!
//! 1. What is registered is borrowed: it stays open, and the same, for as long as it is registered.
#![expect(unsafe_code, reason = "tokio has it promised that an fd stays open")]

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{ChildProcess, Exit};
use crate::interface::{LATER, Process};

impl ChildProcess {
    /// Waits until it has ended, without blocking the thread: for a task of a tokio runtime that has its I/O
    /// driver enabled.
    ///
    /// It does not reap: [`wait`](Self::wait) has the answer then, at once. It can be cancelled, and nothing is lost;
    /// [`wait_async`](Self::wait_async) is both in one. There is one at a time, since a runtime registers an fd once.
    /// Needs the feature `tokio`.
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut process = Task::here().spawn()?.program(&Program::new("true")).exec()?;
    /// process.ended_async().await?;
    /// assert!(process.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the pidfd cannot be registered.
    ///
    /// # Panics
    ///
    /// Outside of a runtime, or without its I/O driver, as everything of tokio does; for the init of a pid namespace
    /// also without its time driver.
    pub async fn ended_async(&mut self) -> io::Result<()> {
        while !self.process().poll(Some(Duration::ZERO))? {
            // SAFETY: (1)
            let ended =
                unsafe { AsyncFd::register_with_interest(self.as_fd(), Interest::READABLE) }?;
            // It ends once, so that nothing has to be cleared.
            if self.process().is_init() {
                // Others may have to be reaped before, which a look at it does.
                if let Ok(ready) = tokio::time::timeout(LATER, ended.readable()).await {
                    let _ready = ready?;
                }
            } else {
                let _ready = ended.readable().await?;
            }
        }
        Ok(())
    }

    /// [`wait`](Self::wait), without blocking the thread: for a task of a tokio runtime that has its I/O driver
    /// enabled.
    ///
    /// Dropping the future drops the handle. Who wants to wait again awaits
    /// [`ended_async`](Self::ended_async). Needs the feature `tokio`.
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let process = Task::here().spawn()?.program(&Program::new("true")).exec()?;
    /// assert!(process.wait_async().await?.success());
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
    pub async fn wait_async(mut self) -> io::Result<Exit> {
        self.exit_async().await
    }

    /// The same, without taking the handle.
    pub(crate) async fn exit_async(&mut self) -> io::Result<Exit> {
        loop {
            self.ended_async().await?;
            if let Some(exit) = self.reap(Process::try_wait)? {
                return Ok(exit);
            }
            // Who traces it sees its end first, and may take its time.
            tokio::time::sleep(LATER).await;
        }
    }
}
