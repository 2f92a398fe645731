//! A file of std is in this process's fd table, and not in that of the child that is prepared.

#![forbid(unsafe_code)]

use std::fs::File;

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let file = File::options().write(true).open("/dev/null")?;
    let mut command = Command::new("true");
    command.prepare(move |child| {
        let its_file = child.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
        assert!(file.metadata()?.len() == 0);
        child.write(&its_file, b"hello")?;
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
