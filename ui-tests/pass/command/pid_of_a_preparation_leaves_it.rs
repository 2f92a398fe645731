//! A pid that the child has told stays in the closure that prepares it.

#![forbid(unsafe_code)]

use std::sync::Mutex;

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let kept = Mutex::new(None);
    let mut command = Command::new("true");
    command.prepare(move |child| {
        let pid = child.getpid()?;
        *kept.lock().unwrap() = Some(pid.as_raw());
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
