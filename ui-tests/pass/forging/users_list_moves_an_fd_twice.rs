//! A list cannot move one fd to two owners.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

struct Listed<F>(Fd<F>, Fd<F>);

impl<F> Inherit<F> for Listed<F> {
    type Inherited<G> = (Fd<G>, Fd<G>);
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> (Fd<G>, Fd<G>)
    where
        Self: 'call,
    {
        (self.0.inherit(to), self.1.inherit(to))
    }
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, ends) = here.spawn()?.unshare_files(private_fds, Listed(reader, writer))?;
    child.write(ends.1, b"hello")?;
    drop(ends.0);
    Ok(())
}
