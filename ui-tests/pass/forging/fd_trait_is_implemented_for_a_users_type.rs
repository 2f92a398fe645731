//! `AsFd` is sealed: a user's type cannot say which number it is.

#![forbid(unsafe_code)]

use nearfar::handle::AsFd;
use nearfar::prelude::*;

struct Wrapped<F>(Fd<F>);

impl<F> Wrapped<F> {
    fn near_fd(&self) -> nearfar::near::Fd<F> {
        self.0.near_fd()
    }
}

fn main() -> Result<(), nearfar::Error> {
    let (_reader, writer) = Task::here().pipe2(PipeFlags::empty())?;
    println!("{}", Wrapped(writer).near_fd());
    Ok(())
}
