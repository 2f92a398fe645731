//! std reads into slices of this program, which a forked child does not have.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let name = here.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
    brand!(child_memory);
    let forked = here.spawn_with_memory(child_memory)?;
    forked.getpid()?;
    let readable = here.io(&name);
    drop(readable);
    Ok(())
}
