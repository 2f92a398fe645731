//! A pid as this process sees it means nothing in the child's pid namespace, which may be another.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let pid = Task::here().getpid()?;
    let mut command = Command::new("true");
    command.prepare(move |child| {
        let its_pid = child.getpid()?;
        assert!(pid.as_raw() > 0);
        drop(child.pidfd_open(pid)?);
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
