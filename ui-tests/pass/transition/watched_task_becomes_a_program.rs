//! A watched task only borrows one, which stays what it is.

#![forbid(unsafe_code)]

use nearfar::interface::Call;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let nobody_else = |_: Call, _: &[usize]| Ok(());
    child.layer(&nobody_else).getpid()?;
    let program = Program::new("true");
    let process = child.program(&program).exec()?;
    assert!(process.wait()?.success());
    Ok(())
}
