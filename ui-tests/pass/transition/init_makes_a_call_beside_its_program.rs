//! An init that a program is started under makes no more calls itself.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_pids);
    let init = here.spawn_with_pids(inner_pids)?;
    let program = Program::new("true");
    let process = init.program(&program).exec_under_init()?;
    here.getpid()?;
    process.wait()?;
    Ok(())
}
