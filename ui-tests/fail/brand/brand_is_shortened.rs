//! A brand is invariant: it cannot be made the same as a shorter one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn shorten<'a, 'b: 'a, L>(fd: &'a Fd<Brand<'b, L>>) -> &'a Fd<Brand<'a, L>> {
    fd
}

fn main() -> Result<(), nearfar::Error> {
    let (_reader, writer) = Task::here().pipe2(PipeFlags::empty())?;
    println!("{}", shorten(Box::leak(Box::new(writer))));
    Ok(())
}
