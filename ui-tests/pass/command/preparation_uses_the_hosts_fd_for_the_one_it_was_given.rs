//! What `prepare_with` was given has a number of its own in the child.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let here = Task::here();
    let zeroes = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let copy = here.dup(&zeroes)?;
    let mut command = Command::new("true");
    command.prepare_with([copy], move |child, [its_zeroes]| {
        assert_eq!(zeroes.near().as_raw() < 0, its_zeroes.near().as_raw() < 0);
        child.read(its_zeroes, &mut [0; 5])?;
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
