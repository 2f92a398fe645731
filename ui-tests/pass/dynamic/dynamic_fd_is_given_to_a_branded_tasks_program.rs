//! A program gets what is known to be of its table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?.erase();
    let program = Program::new("true");
    let null = null.rebrand(&here)?;
    here.spawn()?.program(&program).fd(3, &null).exec()?.wait()?;
    Ok(())
}
