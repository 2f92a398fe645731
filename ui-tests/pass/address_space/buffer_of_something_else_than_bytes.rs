//! A buffer that a call writes to has to be plain bytes.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zeroes = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let mut buffer = [1_u8; 4];
    here.read(&zeroes, &mut buffer)?;
    Ok(())
}
