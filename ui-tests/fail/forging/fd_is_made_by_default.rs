//! No fd comes from nowhere.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let null = Fd::<HostFds>::default();
    here.write(&null, b"hello")?;
    Ok(())
}
