//! A process group is joined in its own pid namespace only.

#![forbid(unsafe_code)]

use nearfar::near::Pgid;
use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let host = Task::here().getpgrp()?.or(Pgid::asserted(1));
    let mut command = Command::new("true");
    command.prepare(move |child| {
        let own = child.getpgrp()?;
        assert_eq!(own.is_some(), host.is_some());
        child.setpgid(host)?;
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
