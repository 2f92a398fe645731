//! `AsFd` is sealed: a user's type cannot say which number it is.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

struct Wrapped<F>(Fd<F>);

#[allow(dead_code, reason = "nothing calls it")]
trait NearFd<F> {
    fn near_fd(&self) -> nearfar::near::Fd<F>;
    fn table(&self) -> far::Whose<'_, far::FdTable<F>>;
}

impl<F> nearfar::handle::AsFd<F> for Wrapped<F> {
    fn near_fd(&self) -> nearfar::near::Fd<F> {
        self.0.near()
    }
    fn table(&self) -> far::Whose<'_, far::FdTable<F>> {
        far::Whose::AsItsTypeSays
    }
}

fn main() -> Result<(), nearfar::Error> {
    let (_reader, writer) = Task::here().pipe2(PipeFlags::empty())?;
    println!("{}", Wrapped(writer).0);
    Ok(())
}
