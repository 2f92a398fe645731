//! One suite, twice: against std's `Command` and against this one, in the same words. What differs on
//! purpose is asserted of both.

#![allow(unsafe_code, reason = "blocks signals, and opens an fd that is not close-on-exec")]

mod common;

#[path = "command_like_std"]
mod std_command {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    mod behaviours;
}

#[path = "command_like_std"]
mod our_command {
    use nearfar::process::{Child, Command, Stdio};

    #[allow(clippy::duplicate_mod, reason = "the same words, of another `Command`")]
    mod behaviours;
}

#[path = "command_like_std/differences.rs"]
mod differences;

/// All that is stable in `std::process` of Rust 1.85.
macro_rules! names_of_process {
    ($($module:ident: $($process:ident)::+;)+) => {$(
        #[allow(unused_imports, reason = "that they are there is what is tested")]
        mod $module {
            use $($process)::+::{
                Child, ChildStderr, ChildStdin, ChildStdout, Command, CommandArgs, CommandEnvs, ExitCode,
                ExitStatus, Output, Stdio, Termination, abort, exit, id,
            };
        }
    )+};
}

names_of_process! {
    std_names: std::process;
    our_names: nearfar::process;
}

/// A directory for one test, that other users may look into.
fn directory() -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("nearfar-command-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir(&directory).expect("a place for files");
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&directory, everybody).expect("it is ours");
    directory
}
