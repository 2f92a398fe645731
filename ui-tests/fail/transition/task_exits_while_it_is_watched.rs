//! A task stays what it is for as long as somebody watches its calls.

#![forbid(unsafe_code)]

use nearfar::interface::Call;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let nobody_else = |_: Call, _: &[usize]| Ok(());
    let watched = child.layer(&nobody_else);
    child.exit(0)?;
    watched.getpid()?;
    Ok(())
}
