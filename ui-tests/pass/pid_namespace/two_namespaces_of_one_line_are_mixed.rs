//! Two pid namespaces that one line has made are two.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut first = None;
    for _ in 0..2 {
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids)?;
        first.get_or_insert(init.host_pid());
    }
    Ok(())
}
