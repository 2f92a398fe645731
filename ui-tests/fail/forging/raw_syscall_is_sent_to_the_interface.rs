//! A syscall that nobody checks is `unsafe`.

#![forbid(unsafe_code)]

use nearfar::interface::SyscallInterface;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    here.interface().syscall(nearfar::interface::Call::CLOSE, [5])?;
    Ok(())
}
