//! A brand of pids stays in its function, also in one that never returns.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut kept = None;
    let mut call = || -> ! {
        brand!(inner_pids);
        let init = here.spawn_with_pids(inner_pids).unwrap();
        init.kill(*kept.get_or_insert(init.pid()), Signal::CONT).unwrap();
        std::process::exit(0)
    };
    call()
}
