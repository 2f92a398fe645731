//! What std calls `pre_exec` runs in this process here.

#![forbid(unsafe_code)]

use nearfar::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut command = Command::new("true");
    command.pre_exec(|| Ok(()));
    assert!(command.status()?.success());
    Ok(())
}
