//! A brand is invariant: it cannot be made the same as a longer one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn lengthen<'a, 'b: 'a, L>(fd: &'a Fd<Brand<'b, L>>) -> &'a Fd<Brand<'b, L>> {
    fd
}

fn main() -> Result<(), nearfar::Error> {
    let (_reader, writer) = Task::here().pipe2(PipeFlags::empty())?;
    println!("{}", lengthen(Box::leak(Box::new(writer))));
    Ok(())
}
