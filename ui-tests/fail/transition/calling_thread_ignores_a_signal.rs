//! The calling thread does not replace the handlers of the whole program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::task::SigAction;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    assert_eq!(child.sigaction(Signal::HUP)?, here.sigaction(Signal::HUP)?);
    here.set_sigaction(Signal::HUP, SigAction::Ignore)?;
    Ok(())
}
