//! An fd whose table is known at run time only is compared before a branded task takes it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?.erase();
    here.fstat(&null)?;
    Ok(())
}
