//! Two calls of one closure make two pid namespaces.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut kept = None;
    let mut call = || {
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids)?;
        init.kill(*kept.get_or_insert(init.pid()), Signal::CONT)
    };
    call()?;
    call()?;
    Ok(())
}
