//! No fd comes from nowhere.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    here.write(&null, b"hello")?;
    Ok(())
}
