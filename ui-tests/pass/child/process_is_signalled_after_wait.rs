//! A process that has been waited for cannot be signalled.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let program = Program::new("sleep").arg("100");
    let process = Task::here().spawn()?.program(&program).exec()?;
    let other = Task::here().spawn()?.program(&program).exec()?;
    process.kill()?;
    process.wait()?;
    other.send_signal(Signal::TERM)?;
    other.detach();
    Ok(())
}
