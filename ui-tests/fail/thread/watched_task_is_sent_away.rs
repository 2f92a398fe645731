//! Who watches a task watches it in one thread.

#![forbid(unsafe_code)]

use nearfar::interface::Call;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let nobody_else = |_: Call, _: &[usize]| Ok(());
    let watched = child.layer(&nobody_else);
    std::thread::scope(|scope| scope.spawn(|| watched.getpid()).join()).unwrap()?;
    Ok(())
}
