//! A list can copy only what stays open for the call, not what a cell holds for a moment.

#![forbid(unsafe_code)]

use std::cell::Cell;

use nearfar::prelude::*;

struct Listed<'cell, F>(&'cell Cell<Option<Fd<F>>>, &'cell Fd<F>);

impl<F> Inherit<F> for Listed<'_, F> {
    type Inherited<G> = Fd<G>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
    where
        Self: 'call,
    {
        let held = self.0.take().expect("it is there");
        let crossed = held.borrow().inherit(to);
        self.0.set(None);
        println!("{}", held.near().as_raw());
        crossed
    }
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    let cell = Cell::new(Some(reader));
    brand!(private_fds);
    let (child, crossed) = here.spawn()?.unshare_files(private_fds, Listed(&cell, &writer))?;
    drop((child, crossed));
    Ok(())
}
