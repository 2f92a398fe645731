//! An fd of this process is not one of the child's that is prepared.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::process::Command;

fn main() -> std::io::Result<()> {
    let here = Task::here();
    let zeroes = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let mut command = Command::new("true");
    command.prepare(move |child| {
        let its_zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
        assert_eq!(zeroes.near().as_raw() < 0, its_zeroes.near().as_raw() < 0);
        child.read(&its_zeroes, &mut [0; 5])?;
        Ok(())
    });
    assert!(command.status()?.success());
    Ok(())
}
