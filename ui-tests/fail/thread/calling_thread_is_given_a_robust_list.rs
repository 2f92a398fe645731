//! The robust list of the calling thread is libc's.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::RobustList;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let list = RobustList::<HostPids>::new(1);
    here.set_robust_list(&list)?;
    drop(child);
    Ok(())
}
