//! What is in std's `Stdio`, only std knows.

#![forbid(unsafe_code)]

use nearfar::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut command = Command::new("true");
    command.stdout(std::process::Stdio::null());
    assert!(command.status()?.success());
    Ok(())
}
