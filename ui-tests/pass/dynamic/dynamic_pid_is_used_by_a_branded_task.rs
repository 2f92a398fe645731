//! A pid whose namespace is known at run time only is compared before a branded task takes it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let pid = far::Pid::of(&here, here.pid()).erase();
    here.kill(pid.rebrand(&here)?, Signal::CONT)?;
    Ok(())
}
