//! Safe code does not write to addresses that are numbers.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::interface::{RemoteIoVec, SyscallInterface};

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let place = RemoteIoVec { address: 4096, length: 4 };
    child.interface().barrier()?;
    println!("{place:?}");
    Ok(())
}
