//! A robust list is words of this process, which a child with memory of its own does not have.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::RobustList;

fn main() -> Result<(), nearfar::Error> {
    brand!(child_memory);
    let child = Task::here().spawn()?;
    let forked = Task::here().spawn_with_memory(child_memory)?;
    let list = RobustList::<HostPids>::new(1);
    child.set_robust_list(&list)?;
    drop((child, forked));
    Ok(())
}
