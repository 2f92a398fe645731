//! After `try_wait` the process is there only if it was said to be running.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let program = Program::new("sleep").arg("100");
    let process = Task::here().spawn()?.program(&program).exec()?;
    let Waited::Running(process) = process.try_wait()? else { panic!("it sleeps") };
    process.kill()?;
    process.wait()?;
    Ok(())
}
