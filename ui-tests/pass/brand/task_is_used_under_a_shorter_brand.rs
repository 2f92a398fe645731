//! A task's namespaces are invariant: it does not take fds of a brand that merely lives shorter.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

type In<'id, L> = Task<Brand<'id, L>, HostMemory, HostPids>;

fn shorten<'t, 'a, 'b: 'a, L>(task: &'t In<'b, L>, _: &Fd<Brand<'a, L>>) -> &'t In<'b, L> {
    task
}

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let (reader, _writer) = child.pipe2(PipeFlags::empty())?;
    shorten(&child, &reader).getpid()?;
    Ok(())
}
