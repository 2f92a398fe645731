//! What a command gives its program is an fd of this process.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn_with_files(private_fds, ())?;
    let null = child.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?;
    let mut command = Command::new("true");
    command.fd(5, here.pidfd_getfd(&child, &null)?);
    assert!(command.status()?.success());
    Ok(())
}
