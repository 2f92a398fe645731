//! A standard stream of a command is an fd of this process's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_reader) = here.spawn_with_files(private_fds, &reader)?;
    child.fcntl_getfd(&its_reader)?;
    drop(writer);
    let mut command = Command::new("cat");
    command.stdin(its_reader);
    assert!(command.status()?.success());
    Ok(())
}
