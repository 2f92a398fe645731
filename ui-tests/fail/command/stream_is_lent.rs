//! A command keeps its streams, for every program that it starts.

#![forbid(unsafe_code)]

use nearfar::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::fs::File::options().write(true).open("/dev/null")?;
    let mut command = Command::new("true");
    command.stdout(&file);
    assert!(command.status()?.success());
    Ok(())
}
