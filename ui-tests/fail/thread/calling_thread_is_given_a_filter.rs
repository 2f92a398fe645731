//! A filter is for the program that a task becomes, and the calling thread becomes none.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::SeccompFilter;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let filter = SeccompFilter::from_parts([(6, 0, 0, 0x7fff_0000)])?;
    here.seccomp_on_exec(&filter)?;
    drop(child);
    Ok(())
}
