//! A cgroup is given as its open directory.

#![forbid(unsafe_code)]

use nearfar::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut command = Command::new("true");
    command.cgroup(std::fs::File::open("/")?);
    drop(command);
    Ok(())
}
