//! A slice is memory of this process, which a forked child does not have.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zero = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let mut buffer = [0; 8];
    child.read(&zero, &mut buffer)?;
    Ok(())
}
