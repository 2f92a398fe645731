//! Safe code cannot make a number into the slot of a table.

#![forbid(unsafe_code)]

use nearfar::near;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let (_reader, writer) = Task::here().pipe2(PipeFlags::empty())?;
    let near = near::Fd::<HostFds>::new(5).unwrap();
    println!("{near}");
    Ok(())
}
