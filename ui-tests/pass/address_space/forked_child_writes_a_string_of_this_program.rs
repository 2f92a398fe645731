//! A string is memory of this process, which a forked child does not have.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let text = child.ptr_slice(b"hello")?;
    child.write(&null, &text)?;
    Ok(())
}
