//! A string has to stay UTF-8, so no call can write to it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zeroes = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let mut buffer = String::from("text");
    here.read(&zeroes, &mut buffer)?;
    Ok(())
}
