//! The number of a slot keeps the brand of its table.

#![forbid(unsafe_code)]

use nearfar::near;
use nearfar::prelude::*;

fn rebrand<F, G>(fd: near::Fd<F>, other: near::Fd<G>) -> near::Fd<G> {
    println!("{}", fd.as_raw());
    other
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    rebrand(writer.near(), its_writer.near());
    drop(its_writer);
    Ok(())
}
