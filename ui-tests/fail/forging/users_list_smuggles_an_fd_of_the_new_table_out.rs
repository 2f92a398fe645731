//! What crosses is let out by the transition only: a list cannot keep it for itself.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

struct Listed<'out, F>(Fd<F>, &'out mut Vec<Fd<HostFds>>);

impl<F> Inherit<F> for Listed<'_, F> {
    type Inherited<G> = Fd<G>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
    where
        Self: 'call,
    {
        let crossed = self.0.inherit(to);
        self.1.push(crossed);
        crossed
    }
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let mut out = Vec::new();
    brand!(private_fds);
    let (child, its_writer) = here.spawn()?.unshare_files(private_fds, Listed(writer, &mut out))?;
    drop((child, its_writer));
    Ok(())
}
