//! The child is lent to the closure that prepares it: there it neither ends nor becomes a program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let mut command = Command::new("true");
    command.prepare(|child| {
        let its_own = child;
        its_own.getpid()?;
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
