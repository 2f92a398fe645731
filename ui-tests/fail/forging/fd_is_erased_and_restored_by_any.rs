//! `Any` needs types without lifetimes, so it does not forget a brand.

#![forbid(unsafe_code)]

use std::any::Any;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, _its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let any: &dyn Any = &_its_writer;
    assert!(any.downcast_ref::<Fd<HostFds>>().is_some());
    Ok(())
}
