//! Equal numbers in two tables mean nothing, so they cannot be compared.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    assert!(its_writer.near().as_raw() == writer.near().as_raw());
    drop(its_writer);
    Ok(())
}
