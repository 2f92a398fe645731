//! A directory that this process has opened is none of the child's that is prepared.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let here = Task::here();
    let directory = here.openat(Cwd, "/proc/self", OFlags::DIRECTORY, Mode::empty())?;
    let copy = here.dup(&directory)?;
    let mut command = Command::new("true");
    command.prepare_with([copy], move |child, [its_directory]| {
        assert_eq!(directory.near().as_raw() < 0, its_directory.near().as_raw() < 0);
        drop(child.openat(its_directory, "status", OFlags::RDONLY, Mode::empty())?);
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
