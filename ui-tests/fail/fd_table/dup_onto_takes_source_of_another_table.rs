//! `dup_onto` cannot put a file of one table into a slot of another.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let slot = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
    let copy = child.dup_onto(&writer, slot)?;
    drop((its_writer, copy));
    Ok(())
}
