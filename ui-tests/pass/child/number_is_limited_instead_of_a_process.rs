//! The number of a process may be a stranger's by the time it is used.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let process = here.spawn()?.program(&Program::new("true")).exec()?;
    let limit = here.prlimit_of(&process, Resource::Nofile, None);
    drop((limit, process));
    Ok(())
}
