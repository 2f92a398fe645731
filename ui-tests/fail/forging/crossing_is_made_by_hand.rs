//! Only a transition makes an `Inheriting`.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

struct Listed<F>(Fd<F>);

impl<F> Inherit<F> for Listed<F> {
    type Inherited<G> = Fd<G>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
    where
        Self: 'call,
    {
        self.0.inherit(&mut Inheriting { moved: Vec::new() })
    }
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, Listed(writer))?;
    child.write(its_writer, b"hello")?;
    Ok(())
}
