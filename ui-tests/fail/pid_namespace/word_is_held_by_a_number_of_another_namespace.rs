//! The kernel looks for the number that the task has in its own pid namespace.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::RobustList;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let list = RobustList::new(1);
    init.set_robust_list(&list)?;
    let held = list.held_by(here.gettid()?);
    assert_eq!(held, 1);
    Ok(())
}
