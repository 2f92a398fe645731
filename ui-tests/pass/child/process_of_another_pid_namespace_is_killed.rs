//! A pid is used in its own pid namespace only.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let host = Task::here().pid();
    let mut command = Command::new("true");
    command.unshare_pid().prepare(move |child| {
        let own = child.pid();
        assert_ne!(own.as_raw(), host.as_raw());
        child.kill(own, Signal::CONT)?;
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
