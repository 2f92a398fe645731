//! The calling thread becomes no program that could have other clocks.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let offsets = child.time_offsets()?;
    assert_eq!(offsets.monotonic.tv_sec, 0);
    drop(child);
    Ok(())
}
