//! Starting programs: std's `process`, with nothing unsafe in it.
//!
//! The module has all the names of [`std::process`], so that moving over is a change of import: its own
//! [`Command`], [`Child`] and [`Stdio`], and what std has for this process itself, as it is there. What is
//! different is said on [`Command`]; what takes the place of `pre_exec` in [`Command::prepare`],
//! and how ten uses of it look then in [`moving_over`].

mod child;
mod command;
mod getters;
mod output;
mod prepare;
mod spawn;
mod stdio;
#[cfg(feature = "tokio")]
mod tokio;

#[doc = include_str!("moving_over.md")]
pub mod moving_over {}

pub use std::process::{
    ChildStderr, ChildStdin, ChildStdout, ExitCode, ExitStatus, Output, Termination, abort, exit,
    id,
};

pub use crate::id_map::IdMap;
pub use child::Child;
pub use command::Command;
pub use getters::{CommandArgs, CommandEnvs};
pub use output::{CutOff, LimitedOutput};
pub use prepare::{ChildFds, ChildTask, PrepareError, child_fds, child_pids};
pub use stdio::{IntoHostFd, IntoStdio, Stdio};
