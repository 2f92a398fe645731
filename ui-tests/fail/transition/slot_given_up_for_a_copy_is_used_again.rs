//! The fd whose slot `dup_onto` replaces is given up.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let slot = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    let copy = here.dup_onto(&writer, slot)?;
    here.write(&slot, b"hello")?;
    drop(copy);
    Ok(())
}
