//! After `wait_timeout` the process is there only if it was said to be running.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let program = Program::new("sleep").arg("100");
    let process = Task::here().spawn()?.program(&program).exec()?;
    let moment = std::time::Duration::from_millis(1);
    let Waited::Running(process) = process.wait_timeout(moment)? else { panic!("it sleeps") };
    process.kill()?;
    process.wait()?;
    Ok(())
}
