//! An fd is closed by a branded task once it is known to be of its table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?.erase();
    here.close(null.rebrand(&here)?)?;
    Ok(())
}
