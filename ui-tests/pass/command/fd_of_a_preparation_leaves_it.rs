//! An fd that is opened in the child stays in the closure that prepares it.

#![forbid(unsafe_code)]

use std::sync::Mutex;

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let kept = Mutex::new(None);
    let mut command = Command::new("true");
    command.prepare(move |child| {
        let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
        *kept.lock().unwrap() = Some(zeroes.near().as_raw());
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
