//! A box without a lifetime cannot hold an fd of a table that has one.

#![forbid(unsafe_code)]

use std::fmt::Debug;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let boxed: Box<dyn Debug + '_> = Box::new(its_writer);
    println!("{boxed:?} {child:?}");
    Ok(())
}
